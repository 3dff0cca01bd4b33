/** Wall clock × speed: how far simulated time may have gone by now, and how fast it really went. */

/** Behind by more than this much wall time, the pacer stops trying to catch up. */
const LAG_LIMIT_MS = 1000;
const SAMPLE_MS = 250;
const SAMPLES = 9;

export class Pacer {
  readonly #wallMs: () => number;
  #speed: number;
  #paused: boolean;
  #anchorWallMs: number;
  #anchorUs: number;
  #samples: { readonly wallMs: number; readonly at: number }[] = [];

  /** @param wallMs – monotonic wall clock in milliseconds. */
  constructor(wallMs: () => number, at: number, speed: number, paused: boolean) {
    this.#wallMs = wallMs;
    this.#speed = speed;
    this.#paused = paused;
    this.#anchorWallMs = wallMs();
    this.#anchorUs = at;
  }

  get speed(): number {
    return this.#speed;
  }
  get paused(): boolean {
    return this.#paused;
  }

  /** Starts counting anew from here: after a pause, a change of speed or a wait. */
  anchor(at: number): void {
    this.#anchorWallMs = this.#wallMs();
    this.#anchorUs = at;
    this.#samples = [];
  }

  setSpeed(speed: number, at: number): void {
    this.#speed = speed;
    this.anchor(at);
  }

  setPaused(paused: boolean, at: number): void {
    this.#paused = paused;
    this.anchor(at);
  }

  /** How far simulated time may go now, µs; Infinity at full speed. */
  target(at: number): number {
    if (this.#speed === 0) return Infinity;
    const wanted = this.#anchorUs + (this.#wallMs() - this.#anchorWallMs) * 1000 * this.#speed;
    if (wanted - at > LAG_LIMIT_MS * 1000 * this.#speed) {
      // Too far behind: forgive, so that a stall is not followed by a rush.
      this.#anchorWallMs = this.#wallMs();
      this.#anchorUs = at + LAG_LIMIT_MS * 500 * this.#speed;
      return this.#anchorUs;
    }
    return Math.floor(wanted);
  }

  /** Notes progress, for `reached`. */
  note(at: number): void {
    const wallMs = this.#wallMs();
    const last = this.#samples.at(-1);
    if (last !== undefined && wallMs - last.wallMs < SAMPLE_MS) return;
    this.#samples.push({ wallMs, at });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  /** Simulated seconds per wall second over the last two seconds; 0 while paused. */
  reached(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (this.#paused || first === undefined || last === undefined || last.wallMs <= first.wallMs) return 0;
    return (last.at - first.at) / 1000 / (last.wallMs - first.wallMs);
  }
}
