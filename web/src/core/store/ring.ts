/** A bounded series of (time, value) pairs, newest last; old points fall out. Times never fall within a series. */
export class Ring {
  readonly #at: Float64Array;
  readonly #value: Float64Array;
  #start = 0;
  #length = 0;

  constructor(capacity: number) {
    this.#at = new Float64Array(capacity);
    this.#value = new Float64Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Adds a point; one with the time of the newest replaces it, an earlier one starts the series over (time went back). */
  push(at: number, value: number): void {
    if (this.#length > 0) {
      const newest = this.at(this.#length - 1);
      if (at < newest) this.#length = 0;
      else if (at === newest) {
        this.#value[this.#index(this.#length - 1)] = value;
        return;
      }
    }
    if (this.#length === this.#at.length) this.#start = (this.#start + 1) % this.#at.length;
    else this.#length++;
    const last = this.#index(this.#length - 1);
    this.#at[last] = at;
    this.#value[last] = value;
  }

  /** Time of point i, 0 the oldest. */
  at(i: number): number {
    return this.#at[this.#index(i)]!;
  }

  /** Value of point i, 0 the oldest. */
  value(i: number): number {
    return this.#value[this.#index(i)]!;
  }

  clear(): void {
    this.#length = 0;
  }

  #index(i: number): number {
    return (this.#start + i) % this.#at.length;
  }
}
