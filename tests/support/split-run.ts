/**
 * A run over several timelines that is put down and taken up: at any barrier everything is written as text, and goes on
 * from there in as many other timelines, split otherwise. Inputs are injected window by window, as a live cluster does.
 */
import {
  addDigests,
  addressed,
  digestText,
  EMPTY_DIGEST,
  type Factories,
  type JournaledInput,
  MANAGER,
  type PartyId,
  parseState,
  type RunHeader,
  type SavedTimeline,
  stringifyState,
  Timeline,
  timeUs,
} from '@paperfleet/core';

export type Place = (party: PartyId) => number;

export class SplitRun {
  readonly #header: RunHeader;
  readonly #factories: Factories;
  readonly #inputs: readonly JournaledInput[];
  readonly #timelines: Timeline[];
  readonly #place: Place;
  #next: number;
  #at: number;

  /** Starts anew, or takes up what `save` gave. */
  constructor(header: RunHeader, factories: Factories, inputs: readonly JournaledInput[], timelines: number, place: Place, saved?: string) {
    this.#header = header;
    this.#factories = factories;
    this.#inputs = inputs;
    this.#place = (party) => (party === MANAGER ? 0 : place(party) % timelines);
    this.#timelines = Array.from({ length: timelines }, () => new Timeline(header, factories));
    // Windows must not be longer than the latency of anybody who joins within one.
    for (const { directory } of this.#timelines)
      for (const { input } of inputs) if (input.kind === 'join') directory.learn(input.party, input.offer);
    this.#at = 0;
    if (saved === undefined) this.#timelines[0]!.createManager();
    else this.#restore(saved);
    this.#next = inputs.findIndex(({ at }) => at >= this.#at);
    if (this.#next < 0) this.#next = inputs.length;
  }

  get at(): number {
    return this.#at;
  }

  runUntil(until: number): this {
    while (this.#at < until) {
      const lookAhead = this.#timelines[0]!.directory.minimumControlLatency();
      const pending = this.#timelines.map((timeline) => timeline.next()).filter((at) => at >= 0);
      const input = this.#inputs[this.#next];
      if (input !== undefined) pending.push(input.at);
      const end = Math.min(until, Math.max(this.#at, pending.length === 0 ? until : Math.min(...pending)) + lookAhead);
      for (; this.#next < this.#inputs.length && this.#inputs[this.#next]!.at < end; this.#next++) {
        const entry = addressed(this.#inputs[this.#next]!);
        this.#timelines.forEach((timeline, index) =>
          timeline.inject({ ...entry, parties: entry.parties.filter((party) => this.#place(party) === index) }),
        );
      }
      for (const timeline of this.#timelines) timeline.runUntil(end);
      for (const timeline of this.#timelines)
        for (const envelope of timeline.takeOutbox()) this.#timelines[this.#place(envelope.to)]!.deliver(envelope);
      this.#at = end;
    }
    return this;
  }

  /** Everything as text. */
  save(): string {
    const saved = this.#timelines.map((timeline) => timeline.save(timeUs(this.#at)));
    const parties = saved.flatMap((part) => part.parties).toSorted((a, b) => a.id - b.id);
    return stringifyState({ at: this.#at, events: saved.reduce((sum, { events }) => sum + events, 0), parties });
  }

  /** The same run in other timelines, by way of text. */
  moved(timelines: number, place: Place): SplitRun {
    return new SplitRun(this.#header, this.#factories, this.#inputs, timelines, place, this.save());
  }

  digest(): string {
    return digestText(this.#timelines.reduce((words, timeline) => addDigests(words, timeline.digest()), EMPTY_DIGEST));
  }

  #restore(text: string): void {
    const parsed = parseState(text);
    if (!parsed.ok) throw new Error(parsed.reason);
    const saved = parsed.value as SavedTimeline;
    this.#at = saved.at;
    for (const [index, timeline] of this.#timelines.entries()) {
      timeline.restore({
        ...saved,
        events: index === 0 ? saved.events : 0,
        parties: saved.parties.filter(({ id }) => this.#place(id) === index),
      });
    }
  }
}
