/** The inputs of a run: journaled in order, then waiting for the window in which they take effect. */
import { addressed, assert, type HostInput, type Input, type Journal, type JournaledInput, type TimeUs } from '@paperfleet/core';
import type { Submitted } from './run.ts';

export class InputLog {
  readonly #journal: Journal;
  readonly #entries: JournaledInput[];
  /** Those whose instant lies ahead, in the order (at, seq). */
  readonly #waiting: JournaledInput[] = [];
  /** Answers by idempotency key. */
  readonly #answers = new Map<string, Submitted>();
  readonly #onJoin: (input: Extract<Input, { kind: 'join' }>) => void;
  #seq = 0;

  /**
   * @param entries – journaled so far; those at `from` or later still wait.
   * @param onJoin – called as soon as a join is known: the look-ahead must respect its latency from its first window on.
   */
  constructor(
    journal: Journal,
    entries: readonly JournaledInput[],
    from: TimeUs,
    onJoin: (input: Extract<Input, { kind: 'join' }>) => void,
  ) {
    this.#journal = journal;
    this.#entries = [...entries];
    this.#onJoin = onJoin;
    for (const entry of entries) {
      this.#seq = Math.max(this.#seq, entry.seq);
      this.#remember(entry);
      if (entry.at >= from) this.#wait(entry);
    }
  }

  get entries(): readonly JournaledInput[] {
    return this.#entries;
  }

  /** Instant of the earliest waiting input, Infinity when none waits. */
  nextAt(): number {
    return this.#waiting[0]?.at ?? Infinity;
  }

  answerTo(key: string): Submitted | undefined {
    return this.#answers.get(key);
  }

  /** Journals inputs that take effect at `at`, synced, and lets them wait for their window. */
  admit(inputs: readonly Input[], at: TimeUs): JournaledInput[] {
    const entries = inputs.map((input): JournaledInput => ({ seq: ++this.#seq, at, input }));
    this.#journal.append(
      entries.map((entry) => ({ kind: 'input' as const, ...entry })),
      true,
    );
    for (const entry of entries) this.#take(entry);
    return entries;
  }

  /** Journals inputs with instants of their own, none before `now`: a scenario's. */
  plan(entries: readonly JournaledInput[], now: TimeUs): void {
    this.#journal.append(
      entries.map((entry) => ({ kind: 'input' as const, planned: true as const, ...entry })),
      true,
    );
    for (const entry of entries) {
      assert(entry.at >= now && entry.seq > this.#seq, 'planned inputs come in order and not in the past', {
        at: entry.at,
        seq: entry.seq,
      });
      this.#seq = entry.seq;
      this.#take(entry);
    }
  }

  /** Takes out the inputs that take effect before `end`. */
  due(end: number): HostInput[] {
    const later = this.#waiting.findIndex((entry) => entry.at >= end);
    return this.#waiting.splice(0, later < 0 ? this.#waiting.length : later).map(addressed);
  }

  mark(at: TimeUs, durable: boolean): void {
    this.#journal.append([{ kind: 'mark', at }], durable);
  }

  digest(at: TimeUs, digest: string): void {
    this.#journal.append([{ kind: 'digest', at, digest }], false);
  }

  close(): void {
    this.#journal.close();
  }

  #take(entry: JournaledInput): void {
    this.#entries.push(entry);
    this.#remember(entry);
    this.#wait(entry);
  }

  #wait(entry: JournaledInput): void {
    if (entry.input.kind === 'join') this.#onJoin(entry.input);
    const last = this.#waiting.at(-1);
    if (last === undefined || last.at <= entry.at) {
      this.#waiting.push(entry);
      return;
    }
    this.#waiting.splice(
      this.#waiting.findIndex(({ at }) => at > entry.at),
      0,
      entry,
    );
  }

  #remember(entry: JournaledInput): void {
    if (entry.input.kind === 'command' && entry.input.key !== '')
      this.#answers.set(entry.input.key, { ok: true, seq: entry.seq, at: entry.at });
  }
}
