/** Image names as Docker spells them: [registry/]repository[:tag][@digest]. */

export interface ImageReference {
  /** 'docker.io' when the name gives none. */
  readonly registry: string;
  /** Path in the registry; official images stand under 'library/'. */
  readonly repository: string;
  /** Last component of the repository: 'nginx'. */
  readonly name: string;
  /** 'latest' when neither tag nor digest is given; '' when there is only a digest. */
  readonly tag: string;
  /** 'sha256:…' or ''. */
  readonly digest: string;
  /** The full name: two spellings of one image have the same. */
  readonly canonical: string;
}

/** Reads an image name. Never fails: whatever is no registry, tag or digest belongs to the repository. */
export function parseImage(image: string): ImageReference {
  const at = image.indexOf('@');
  const digest = at < 0 ? '' : image.slice(at + 1);
  const named = at < 0 ? image : image.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : digest === '' ? 'latest' : '';
  const path = hasTag ? named.slice(0, colon) : named;
  const slash = path.indexOf('/');
  const first = slash < 0 ? '' : path.slice(0, slash);
  // Docker's rule: a first component with a dot or a port, or `localhost`, is a registry.
  const hasRegistry = first.includes('.') || first.includes(':') || first === 'localhost' || first === 'nowhere';
  const registry = hasRegistry ? first : 'docker.io';
  const rest = hasRegistry ? path.slice(slash + 1) : path;
  const repository = registry === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest;
  const canonical = `${registry}/${repository}${tag === '' ? '' : `:${tag}`}${digest === '' ? '' : `@${digest}`}`;
  return { registry, repository, name: rest.slice(rest.lastIndexOf('/') + 1), tag, digest, canonical };
}
