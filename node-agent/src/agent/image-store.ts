/**
 * The node's images: pulls over its link to the registry and a cache on disk.
 *
 * A pull asks the registry, then fetches the layers that are missing, three at a time (dockerd's
 * --max-concurrent-downloads); a layer that two pulls want is fetched once. All layers under way share the link equally,
 * which is max-min fair since none is limited by anything else. Event-driven: one timer, for the next layer to complete.
 * The cache evicts least recently used images that no task holds; layers go with the last image that has them.
 */
import { DIGEST, type DurationUs, LANE, type PartyPorts, type TimerId } from '@paperfleet/core';
import { type ImageFacts, imageFacts } from '../workload/images.ts';

const PARALLEL_LAYERS = 3;
/** Until the registry has answered with the manifest, µs. */
const RESOLVE_US = 200_000;
/** Remaining sizes are kept in millionths of a byte, so that shares of the link stay integers. */
const MICRO = 1_000_000;

interface Pull {
  readonly facts: ImageFacts;
  /** Tasks that wait for it. */
  readonly waiting: string[];
  /** Layers not yet begun. */
  queue: string[];
  /** Layers under way. */
  active: number;
  /** Timer of the registry's answer, 0 once it has come. */
  resolving: TimerId;
}

interface Download {
  /** Millionths of a byte. */
  remaining: number;
  /** Images whose pull wants this layer. */
  readonly wantedBy: string[];
}

export interface SavedImages {
  readonly images: readonly (readonly [string, number])[];
  readonly layers: readonly (readonly [string, number, number])[];
  readonly pulls: readonly {
    readonly image: string;
    readonly waiting: readonly string[];
    readonly queue: readonly string[];
    readonly active: number;
    readonly resolving: TimerId;
  }[];
  readonly downloads: readonly (readonly [string, number, readonly string[]])[];
  readonly at: number;
  readonly timer: TimerId;
}

export interface ImageStoreOptions {
  /** Link to the registry, bytes per second. */
  readonly bytesPerSecond: number;
  readonly cacheBytes: number;
  /** Scales what has to be fetched and the registry's answer, parts per thousand; 0: at once. */
  readonly scalePermille: number;
  /** A task's image is there, or cannot be had. */
  readonly ready: (task: string, image: string, available: boolean) => void;
}

export class ImageStore {
  readonly #ports: PartyPorts;
  readonly #options: ImageStoreOptions;
  /** Image → tasks holding it. Least recently used first. */
  readonly #images = new Map<string, number>();
  /** Layer → size and number of images and pulls that have it. */
  readonly #layers = new Map<string, { readonly bytes: number; refs: number }>();
  readonly #pulls = new Map<string, Pull>();
  readonly #downloads = new Map<string, Download>();
  #cachedBytes = 0;
  /** Instant up to which the downloads are advanced. */
  #at = 0;
  #timer: TimerId = 0;

  constructor(ports: PartyPorts, options: ImageStoreOptions, saved: SavedImages | undefined) {
    this.#ports = ports;
    this.#options = options;
    if (saved !== undefined) this.#restore(saved);
  }

  /** Bytes of all layers on disk. */
  get cachedBytes(): number {
    return this.#cachedBytes;
  }
  get pulls(): number {
    return this.#pulls.size;
  }
  has(image: string): boolean {
    return this.#images.has(imageFacts(image).name);
  }
  hasLayer(id: string): boolean {
    return this.#layers.has(id);
  }

  /** True when the image is there. Otherwise it is pulled and `ready` is called for the task, if not before this returns. */
  ensure(image: string, task: string): boolean {
    const facts = imageFacts(image);
    if (this.#images.has(facts.name)) return true;
    let pull = this.#pulls.get(facts.name);
    if (pull !== undefined) {
      pull.waiting.push(task);
      return false;
    }
    pull = { facts, waiting: [task], queue: [], active: 0, resolving: 0 };
    const delayUs = Math.floor((RESOLVE_US * this.#options.scalePermille) / 1000);
    if (delayUs === 0 && facts.available && this.#options.scalePermille === 0) {
      this.#store(facts);
      return true;
    }
    this.#pulls.set(facts.name, pull);
    pull.resolving = this.#ports.in(delayUs as DurationUs, LANE.agent, { type: 'pull.resolved', image: facts.name } as { type: string });
    return false;
  }

  /** A task no longer waits for its images; pulls that nobody waits for are given up. */
  abandon(task: string): void {
    for (const [image, pull] of this.#pulls) {
      const kept = pull.waiting.filter((waiting) => waiting !== task);
      pull.waiting.length = 0;
      pull.waiting.push(...kept);
      if (kept.length === 0) this.#cancel(image, pull);
    }
  }

  /** A task's containers use an image from now on, or no longer: held images are not evicted. */
  hold(image: string): void {
    const { name } = imageFacts(image);
    const users = this.#images.get(name);
    if (users === undefined) return;
    this.#images.delete(name); // to the end: most recently used
    this.#images.set(name, users + 1);
  }
  release(image: string): void {
    const { name } = imageFacts(image);
    const users = this.#images.get(name);
    if (users === undefined) return;
    this.#images.delete(name);
    this.#images.set(name, Math.max(0, users - 1));
  }

  /** The registry has answered. */
  resolved(image: string): void {
    const pull = this.#pulls.get(image);
    if (pull === undefined) return;
    pull.resolving = 0;
    if (!pull.facts.available) {
      this.#pulls.delete(image);
      this.#ports.record(DIGEST.imagePullFailed, image);
      for (const task of pull.waiting) this.#options.ready(task, image, false);
      return;
    }
    this.#advance();
    let missingBytes = 0;
    for (const { id, bytes } of pull.facts.layers) {
      const layer = this.#layers.get(id);
      if (layer === undefined) {
        pull.queue.push(id);
        missingBytes += bytes;
      } else layer.refs++;
    }
    this.#ports.record(DIGEST.imagePullStarted, image, missingBytes);
    this.#begin(image, pull);
    if (!this.#completeIfDone(image, pull)) this.#arm();
  }

  /** A layer is complete. */
  layerDone(): void {
    this.#timer = 0;
    this.#advance();
    const perMicrosecond = this.#share();
    for (const [id, download] of [...this.#downloads]) {
      // What is left would take less than the clock's resolution.
      if (download.remaining >= perMicrosecond || !this.#downloads.has(id)) continue;
      this.#downloads.delete(id);
      this.#layerStored(id, download);
    }
    this.#arm();
  }

  /** The machine went down: what was under way is lost, images stay. */
  crash(): void {
    for (const [image, pull] of [...this.#pulls]) this.#cancel(image, pull);
    this.#arm();
  }

  save(): SavedImages {
    return {
      images: [...this.#images],
      layers: [...this.#layers].map(([id, { bytes, refs }]) => [id, bytes, refs] as const),
      pulls: [...this.#pulls].map(([image, { waiting, queue, active, resolving }]) => ({
        image,
        waiting: [...waiting],
        queue: [...queue],
        active,
        resolving,
      })),
      downloads: [...this.#downloads].map(([id, { remaining, wantedBy }]) => [id, remaining, [...wantedBy]] as const),
      at: this.#at,
      timer: this.#timer,
    };
  }

  #restore(saved: SavedImages): void {
    for (const [image, users] of saved.images) this.#images.set(image, users);
    for (const [id, bytes, refs] of saved.layers) {
      this.#layers.set(id, { bytes, refs });
      this.#cachedBytes += bytes;
    }
    for (const { image, waiting, queue, active, resolving } of saved.pulls) {
      this.#pulls.set(image, { facts: imageFacts(image), waiting: [...waiting], queue: [...queue], active, resolving });
    }
    for (const [id, remaining, wantedBy] of saved.downloads) this.#downloads.set(id, { remaining, wantedBy: [...wantedBy] });
    this.#at = saved.at;
    this.#timer = saved.timer;
  }

  /** Begins layers of a pull as far as it may. */
  #begin(image: string, pull: Pull): void {
    while (pull.active < PARALLEL_LAYERS && pull.queue.length > 0) {
      const id = pull.queue.shift()!;
      const stored = this.#layers.get(id);
      if (stored !== undefined) {
        stored.refs++; // another pull fetched it meanwhile
        continue;
      }
      pull.active++;
      const download = this.#downloads.get(id);
      if (download !== undefined) download.wantedBy.push(image);
      else this.#downloads.set(id, { remaining: this.#toFetch(pull.facts, id), wantedBy: [image] });
    }
  }

  #toFetch(facts: ImageFacts, id: string): number {
    const { bytes } = facts.layers.find((layer) => layer.id === id)!;
    return Math.floor((bytes * this.#options.scalePermille) / 1000) * MICRO;
  }

  #layerStored(id: string, download: Download): void {
    const pulls = download.wantedBy.map((image) => [image, this.#pulls.get(image)!] as const);
    const { bytes } = pulls[0]![1].facts.layers.find((layer) => layer.id === id)!;
    this.#layers.set(id, { bytes, refs: pulls.length });
    this.#cachedBytes += bytes;
    for (const [image, pull] of pulls) {
      pull.active--;
      this.#begin(image, pull);
    }
    for (const [image, pull] of pulls) this.#completeIfDone(image, pull);
  }

  #completeIfDone(image: string, pull: Pull): boolean {
    if (pull.active > 0 || pull.queue.length > 0 || this.#pulls.get(image) !== pull) return false;
    this.#pulls.delete(image);
    this.#images.set(image, 0);
    this.#ports.record(DIGEST.imagePulled, image, pull.facts.bytes);
    for (const task of pull.waiting) this.#options.ready(task, image, true);
    this.#evict(image);
    return true;
  }

  /** Stores an image without fetching it (start-up scale 0). */
  #store(facts: ImageFacts): void {
    for (const { id, bytes } of facts.layers) {
      const layer = this.#layers.get(id);
      if (layer !== undefined) layer.refs++;
      else {
        this.#layers.set(id, { bytes, refs: 1 });
        this.#cachedBytes += bytes;
      }
    }
    this.#images.set(facts.name, 0);
    this.#ports.record(DIGEST.imagePulled, facts.name, facts.bytes);
    this.#evict(facts.name);
  }

  /** Makes room; never evicts the image that just came. */
  #evict(newest: string): void {
    for (const [image, users] of this.#images) {
      if (this.#cachedBytes <= this.#options.cacheBytes) return;
      if (users > 0 || image === newest) continue;
      this.#images.delete(image);
      for (const { id } of imageFacts(image).layers) this.#dropReference(id);
    }
  }

  #dropReference(id: string): void {
    const layer = this.#layers.get(id);
    if (layer === undefined || --layer.refs > 0) return;
    this.#layers.delete(id);
    this.#cachedBytes -= layer.bytes;
    this.#ports.record(DIGEST.layerEvicted, id, layer.bytes);
  }

  #cancel(image: string, pull: Pull): void {
    this.#pulls.delete(image);
    if (pull.resolving !== 0) {
      this.#ports.cancel(pull.resolving);
      return; // nothing begun
    }
    this.#advance();
    for (const { id } of pull.facts.layers) {
      const download = this.#downloads.get(id);
      if (download === undefined || !download.wantedBy.includes(image)) {
        if (!pull.queue.includes(id)) this.#dropReference(id);
        continue;
      }
      download.wantedBy.splice(download.wantedBy.indexOf(image), 1);
      if (download.wantedBy.length === 0) this.#downloads.delete(id);
    }
    this.#arm();
  }

  /** One download's share of the link, millionths of a byte per µs (= bytes per second). */
  #share(): number {
    return Math.max(1, this.#options.bytesPerSecond) / Math.max(1, this.#downloads.size);
  }

  /** Fetches up to now. */
  #advance(): void {
    const now = this.#ports.now();
    const served = Math.floor((now - this.#at) * this.#share());
    this.#at = now;
    if (served === 0) return;
    for (const download of this.#downloads.values()) download.remaining = Math.max(0, download.remaining - served);
  }

  /** Arms the timer for the next layer to complete. Everything must be advanced to now. */
  #arm(): void {
    if (this.#timer !== 0) this.#ports.cancel(this.#timer);
    this.#timer = 0;
    if (this.#downloads.size === 0) return;
    let least = Infinity;
    for (const { remaining } of this.#downloads.values()) least = Math.min(least, remaining);
    const span = Math.max(0, Math.ceil(least / this.#share()));
    this.#timer = this.#ports.in(span as DurationUs, LANE.agent, { type: 'pull.layer' });
  }
}
