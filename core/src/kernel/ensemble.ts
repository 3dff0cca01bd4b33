/**
 * Several timelines in one process, each hosting some of the parties, advanced window by window: what agent hosts do over
 * WebSockets, without the sockets. Used to show that neither the split nor the length of windows shows in the results.
 */
import { assert } from '../errors.ts';
import type { RunHeader } from '../model/input.ts';
import type { HostInput } from '../protocol/frame.ts';
import type { PartyId, TimeUs } from '../units.ts';
import { addDigests, type DigestWords, EMPTY_DIGEST } from './digest.ts';
import { MANAGER } from './party.ts';
import { type Factories, Timeline } from './timeline.ts';

export class Ensemble {
  readonly timelines: readonly Timeline[];
  /** Which timeline hosts a party. The manager lives in the first. */
  readonly #place: (party: PartyId) => number;
  #at = 0;
  #windows = 0;

  constructor(header: RunHeader, factories: Factories, count: number, place: (party: PartyId) => number) {
    this.timelines = Array.from({ length: count }, () => new Timeline(header, factories));
    this.#place = (party) => (party === MANAGER ? 0 : place(party));
    this.timelines[0]!.createManager();
  }

  get at(): TimeUs {
    return this.#at as TimeUs;
  }
  get windows(): number {
    return this.#windows;
  }

  inject(entry: HostInput): void {
    for (let i = 0; i < this.timelines.length; i++) {
      this.timelines[i]!.inject({ ...entry, parties: entry.parties.filter((party) => this.#place(party) === i) });
    }
  }

  /** Runs to `until` in windows of at most `windowUs`, which no latency may undercut. Windows without events are skipped. */
  runUntil(until: TimeUs, windowUs: number): void {
    while (this.#at < until) {
      const next = this.timelines.map((timeline) => timeline.next()).filter((at) => at >= 0);
      const floor = Math.max(this.#at, next.length === 0 ? until : Math.min(...next));
      const end = Math.min(until, floor + windowUs);
      for (const timeline of this.timelines) timeline.runUntil(end);
      for (const timeline of this.timelines) {
        for (const envelope of timeline.takeOutbox()) {
          assert(envelope.arriveAt >= end, 'a message crosses a window boundary too soon', { envelope, end });
          this.timelines[this.#place(envelope.to)]!.deliver(envelope);
        }
      }
      this.#at = end;
      this.#windows++;
    }
  }

  digest(): DigestWords {
    return this.timelines.reduce((words, timeline) => addDigests(words, timeline.digest()), EMPTY_DIGEST);
  }
}
