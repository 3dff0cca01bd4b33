/**
 * A tree of seeded random streams. A stream is derived from its parent's identity and a label, never from the parent's
 * draws, so that one more draw in one place shifts nothing in another.
 *
 * Generator: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state, integer operations only. Labels are hashed to
 * 128 bits with multiply-xor rounds (constants of MurmurHash3).
 */
export interface Rng {
  /** Uniform in 0 … 2^32 - 1. */
  u32(): number;
  /** Uniform in 0 … bound - 1, without bias. `bound` from 1 to 2^32. */
  below(bound: number): number;
  /** Uniform in min … max, both included; max - min < 2^32. */
  range(min: number, max: number): number;
  /** True with probability numerator / denominator. */
  chance(numerator: number, denominator: number): boolean;
  /** Uniform in [0, 1) with 53 bits. Exact arithmetic: the same on every platform. */
  fraction(): number;
  /** The child stream of that label. */
  fork(label: string): Rng;
  /** Numbers drawn so far. */
  readonly draws: number;
}

/** A stream's identity: four 32-bit words. */
export type RngKey = readonly [number, number, number, number];
/** A stream's position: a, b, c, counter, draws. */
export type RngState = readonly [number, number, number, number, number];

/** Mixes a label into a key. */
export function deriveKey(key: RngKey, label: string): RngKey {
  let [a, b, c, d] = key;
  for (let i = 0; i < label.length; i++) {
    const code = label.charCodeAt(i);
    a = Math.imul(a ^ code, 0xcc9e2d51);
    a = (a << 15) | (a >>> 17);
    b = Math.imul(b ^ a ^ code, 0x1b873593);
    b = (b << 16) | (b >>> 16);
    c = Math.imul(c ^ b, 0x85ebca6b) + code;
    c = (c << 17) | (c >>> 15);
    d = Math.imul(d ^ c, 0xc2b2ae35) ^ i;
    d = (d << 13) | (d >>> 19);
  }
  a = finalise(a ^ label.length ^ d);
  b = finalise(b ^ a);
  c = finalise(c ^ b);
  d = finalise(d ^ c);
  return [(a + d) >>> 0, (b + a) >>> 0, (c + b) >>> 0, d >>> 0];
}

function finalise(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The key of a run's seed, the root of its tree. */
export const rootKey = (seed: string): RngKey => deriveKey([0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x71374491], seed);

/** One stream. */
export class RandomStream implements Rng {
  readonly #key: RngKey;
  #a: number;
  #b: number;
  #c: number;
  #counter: number;
  #draws = 0;

  constructor(key: RngKey) {
    this.#key = key;
    this.#a = key[0] | 0;
    this.#b = key[1] | 0;
    this.#c = key[2] | 0;
    this.#counter = key[3] | 0;
    for (let i = 0; i < 12; i++) this.u32(); // sfc32's own advice: discard a few rounds after seeding
    this.#draws = 0;
  }

  get draws(): number {
    return this.#draws;
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    this.#draws++;
    return sum >>> 0;
  }

  below(bound: number): number {
    if (bound <= 1) return 0;
    const limit = 4294967296 - (4294967296 % bound);
    for (;;) {
      const value = this.u32();
      if (value < limit) return value % bound;
    }
  }

  range(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  chance(numerator: number, denominator: number): boolean {
    return this.below(denominator) < numerator;
  }

  fraction(): number {
    const high = this.u32() >>> 5;
    const low = this.u32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  fork(label: string): RandomStream {
    return new RandomStream(deriveKey(this.#key, label));
  }

  save(): RngState {
    return [this.#a, this.#b, this.#c, this.#counter, this.#draws];
  }

  /** Puts the stream at a saved position. The key is that of the label it was made with. */
  restore(state: RngState): void {
    [this.#a, this.#b, this.#c, this.#counter, this.#draws] = state;
  }
}
