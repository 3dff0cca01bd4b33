/**
 * The digest of a run. Each party chains its state changes, with their instants, into 64 bits; the run's digest is the
 * sum of all chains, each finalised with its party's number. The sum does not depend on the order of addition, so
 * every process can contribute the part of the parties it hosts. MurmurHash3's mixing; not a cryptographic hash.
 */
export type DigestWords = readonly [number, number];

/** Mixes one word into a lane. */
function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  k = Math.imul(k, 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finalise(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** One party's chain. */
export class DigestChain {
  #low = 0x2545f491 | 0;
  #high = 0x4f6cdd1d | 0;
  #count = 0;

  /** Adds a state change: instant in µs, a code, a subject and two integers. */
  add(at: number, code: number, subject: string, a: number, b: number): void {
    let low = this.#low;
    let high = this.#high;
    low = mix(low, at | 0);
    high = mix(high, Math.floor(at / 4294967296) ^ code);
    for (let i = 0; i < subject.length; i++) low = mix(low, subject.charCodeAt(i));
    high = mix(high, subject.length);
    low = mix(low, a | 0);
    high = mix(high, Math.floor(a / 4294967296));
    low = mix(low, Math.floor(b / 4294967296));
    high = mix(high, b | 0);
    this.#low = (low + Math.imul(high, 0x9e3779b1)) | 0;
    this.#high = high ^ ((this.#low << 7) | (this.#low >>> 25));
    this.#count++;
  }

  /** State changes so far. */
  get count(): number {
    return this.#count;
  }

  /** This party's contribution to the run's digest. */
  words(party: number): DigestWords {
    const low = finalise(mix(this.#low, party) ^ this.#count);
    return [low, finalise(mix(this.#high, low) ^ party)];
  }

  save(): readonly [number, number, number] {
    return [this.#low, this.#high, this.#count];
  }

  restore(saved: readonly [number, number, number]): void {
    [this.#low, this.#high, this.#count] = saved;
  }
}

/** Adds contributions. */
export const addDigests = (x: DigestWords, y: DigestWords): DigestWords => [(x[0] + y[0]) >>> 0, (x[1] + y[1]) >>> 0];
export const EMPTY_DIGEST: DigestWords = [0, 0];

/** 16 hexadecimal digits. */
export const digestText = (words: DigestWords): string => words.map((word) => word.toString(16).padStart(8, '0')).join('');
