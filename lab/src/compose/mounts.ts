/** `volumes:` entries of a service, short ('data:/var/lib/data:ro') and long. */
import type { ComposeMount } from './model.ts';
import { anything, boolean, either, list, oneOf, shape, string, wrong, type Cursor, type Reader } from './reader.ts';
import type { SourceNode } from './source-tree.ts';

const HINT = "write 'name:/path', './folder:/path:ro' or '/path'";

export interface ShortMount {
  readonly source: string | undefined;
  readonly target: string;
  readonly options: readonly string[];
}

/** Splits the short form at its colons; the colon of a Windows drive (C:\data) is no separator. */
export function splitMount(text: string): ShortMount | undefined {
  const parts: string[] = [];
  let part = '';
  for (let index = 0; index < text.length; index++) {
    const drive =
      part.length === 1 &&
      /[a-z]/i.test(part) &&
      /[\\/]/.test(text[index + 1] ?? '') &&
      (parts.length > 0 || text[index + 1] === '\\' || /:.*:/.test(text.slice(index)));
    if (text[index] === ':' && !drive) {
      parts.push(part);
      part = '';
    } else part += text[index];
  }
  parts.push(part);
  if (parts.length > 3 || parts.some((each) => each === '')) return undefined;
  if (parts.length === 1) return { source: undefined, target: parts[0]!, options: [] };
  return { source: parts[0]!, target: parts[1]!, options: parts[2]?.split(',') ?? [] };
}

/** A path (bind mount) rather than a volume's name: it begins with . / \ ~ or a drive letter. */
const isPath = (source: string): boolean => /^[./\\~]/.test(source) || /^[a-z]:[\\/]/i.test(source);

function shortForm(node: SourceNode, at: Cursor): ComposeMount | undefined {
  const text = string(node, at);
  if (text === undefined) return undefined;
  const mount = splitMount(text);
  if (mount === undefined) return wrong(node, at, `'${text}' is no volume`, HINT);
  const { source, target, options } = mount;
  const bind = source !== undefined && isPath(source);
  const pipe = source?.startsWith('\\\\.\\pipe\\') === true || source?.startsWith('//./pipe/') === true;
  return { type: pipe ? 'npipe' : bind ? 'bind' : 'volume', source, target, readOnly: options.includes('ro'), place: node.place };
}

interface LongForm {
  readonly type?: ComposeMount['type'];
  readonly source?: string;
  readonly target?: string;
  readonly readOnly?: boolean;
}

const long: Reader<LongForm> = shape<LongForm>(
  {
    type: ['type', oneOf(['bind', 'volume', 'tmpfs', 'npipe', 'cluster', 'image'])],
    source: ['source', string],
    target: ['target', string],
    readOnly: ['read_only', boolean],
  },
  {
    required: ['type'],
    ignored: {
      consistency: string,
      bind: shape({}, { ignored: { propagation: string, create_host_path: boolean, recursive: string, selinux: string } }),
      volume: shape({}, { ignored: { labels: anything, nocopy: boolean, subpath: string } }),
      tmpfs: shape({}, { ignored: { size: anything, mode: anything } }),
      image: shape({}, { ignored: { subpath: string } }),
      cluster: anything,
    },
  },
);

function longForm(node: SourceNode, at: Cursor): ComposeMount | undefined {
  const read = long(node, at);
  if (read?.type === undefined) return undefined;
  if (read.target === undefined) return wrong(node, at, "the key 'target' is missing", 'the path inside the container');
  if (read.type === 'bind' && read.source === undefined) return wrong(node, at, "a bind mount needs 'source'", 'the path on the machine');
  if (read.type === 'tmpfs' && read.source !== undefined) return wrong(node, at, "a tmpfs has no 'source'", 'remove it');
  return {
    type: read.type,
    source: read.source === '' ? undefined : read.source,
    target: read.target,
    readOnly: read.readOnly ?? false,
    place: node.place,
  };
}

/** All entries of a `volumes:` list. */
export const mounts: Reader<readonly ComposeMount[]> = list(either<ComposeMount>({ scalar: shortForm, map: longForm }));
