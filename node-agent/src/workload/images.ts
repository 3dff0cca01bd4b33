/** Image sizes and layers by name: what a pull has to fetch. */
import { BASE_LAYERS, type BaseImage, entryOfImage, type ImageSize } from './catalogue.ts';
import { parseImage } from './image-reference.ts';

export interface Layer {
  /** Equal ids are the same content: fetched and stored once. */
  readonly id: string;
  /** Compressed size, bytes. */
  readonly bytes: number;
}

export interface ImageFacts {
  /** The full name. */
  readonly name: string;
  /** False when the registry has no such image. */
  readonly available: boolean;
  /** Bottom first. */
  readonly layers: readonly Layer[];
  readonly bytes: number;
}

/** Tag and registry host that stand for an image that cannot be pulled, to show what then happens. */
export const MISSING_TAG = 'missing';
export const MISSING_REGISTRY = 'nowhere';

/** Own layers of an image: the bulk, then two small ones, as most Dockerfiles give. Parts per hundred. */
const OWN_LAYER_SHARES: readonly number[] = [80, 15, 5];
const UNKNOWN_BASES: readonly BaseImage[] = ['debian-slim', 'alpine', 'ubuntu', 'debian-slim'];
/** Own size of an unknown image: between these bounds, by a hash of its name, bytes. */
const UNKNOWN_MIN_BYTES = 15_000_000;
const UNKNOWN_SPAN_BYTES = 235_000_000;

/** Pure memory of answers; it is emptied when full, which costs time only. */
const known = new Map<string, ImageFacts>();
const KNOWN_MAX = 4096;

/** Facts on an image; the same name always gives the same. */
export function imageFacts(image: string): ImageFacts {
  let facts = known.get(image);
  if (facts === undefined) {
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(image, (facts = describe(image)));
  }
  return facts;
}

function describe(image: string): ImageFacts {
  const reference = parseImage(image);
  const name = reference.canonical;
  const host = reference.registry.split(/[:.]/)[0];
  if (reference.tag === MISSING_TAG || host === MISSING_REGISTRY) return { name, available: false, layers: [], bytes: 0 };
  const entry = entryOfImage(reference.name);
  let size: ImageSize;
  if (entry === undefined) size = unknownSize(name, reference.tag);
  else if (reference.tag.includes('alpine')) size = entry.alpine ?? entry.image;
  else if (reference.tag.includes('slim')) size = entry.slim ?? entry.image;
  else size = entry.image;
  const layers: Layer[] = BASE_LAYERS[size.base]!.map((bytes, index) => ({ id: baseLayerId(size.base, index), bytes }));
  if (size.ownBytes > 0)
    OWN_LAYER_SHARES.forEach((share, index) => layers.push({ id: `${name}#${index}`, bytes: Math.ceil((size.ownBytes * share) / 100) }));
  return { name, available: true, layers, bytes: layers.reduce((sum, layer) => sum + layer.bytes, 0) };
}

/** Bases that are built on one another share their lower layers. */
function baseLayerId(base: BaseImage, index: number): string {
  if (index === 0 && base === 'buildpack') return 'debian@0';
  if (index === 0 && base === 'java') return 'ubuntu@0';
  if (index === 0 && base === 'java-alpine') return 'alpine@0';
  return `${base}@${index}`;
}

function unknownSize(name: string, tag: string): ImageSize {
  const hash = hashText(name);
  const base = tag.includes('alpine') ? 'alpine' : UNKNOWN_BASES[hash % UNKNOWN_BASES.length]!;
  // The product of two uniform parts leans towards small images, as registries do.
  const share = ((hash >>> 2) % 1000) * ((hash >>> 12) % 1000);
  return { base, ownBytes: UNKNOWN_MIN_BYTES + Math.floor((UNKNOWN_SPAN_BYTES * share) / 1_000_000) };
}

/** FNV-1a with a final mix, 32 bits. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
