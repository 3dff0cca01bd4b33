/**
 * The journal: the inputs of a run in order, its only durable state. This is the format and the port; files are the
 * shell's. One JSON document a line:
 *
 *   {"kind":"header",…}            first line: seed, build, cluster settings
 *   {"kind":"input","seq":1,…}     an input with its instant, synced to disk before it takes effect
 *   {"kind":"mark","at":…}         how far simulated time had gone, about one a wall second
 *   {"kind":"digest","at":…}       the run's digest at a barrier, for whoever replays
 */
import type { Input, JournaledInput, RunHeader } from '../model/input.ts';
import type { HostInput } from '../protocol/frame.ts';
import type { PartyId, TimeUs } from '../units.ts';
import { MANAGER } from './party.ts';
import { type Factories, type SavedTimeline, Timeline } from './timeline.ts';

export type JournalEntry =
  | { readonly kind: 'header'; readonly header: RunHeader }
  /** `planned`: written ahead of its instant (a scenario's), so it does not say how far the run had gone. */
  | ({ readonly kind: 'input'; readonly planned?: true } & JournaledInput)
  | { readonly kind: 'mark'; readonly at: TimeUs }
  | { readonly kind: 'digest'; readonly at: TimeUs; readonly digest: string };

/** Where a run's inputs are kept. */
export interface Journal {
  /** Appends in order. With `durable` it returns only when the entries would survive a crash of the machine. */
  append(entries: readonly JournalEntry[], durable: boolean): void;
  close(): void;
}

/** What a journal holds, read back. */
export interface JournalContents {
  readonly header: RunHeader;
  readonly inputs: readonly JournaledInput[];
  /** How far the run had gone: the last mark or digest, or just past the last input that was not planned ahead. */
  readonly end: TimeUs;
  readonly digests: readonly { readonly at: TimeUs; readonly digest: string }[];
}

/** The parties that an input reaches. The manager hears of everything. */
export function partiesOf(input: Input): PartyId[] {
  switch (input.kind) {
    case 'join':
      return [MANAGER, input.party];
    case 'command':
      return [MANAGER];
    case 'lost':
      return [MANAGER, ...input.parties];
    case 'fault':
      return [MANAGER, ...input.parties.filter((party) => party !== MANAGER)];
  }
}

/** A journaled input, addressed. */
export const addressed = (entry: JournaledInput): HostInput => ({
  seq: entry.seq,
  at: entry.at,
  parties: partiesOf(entry.input),
  input: entry.input,
});

/** A journal in memory: of side runs, of experiments that nobody keeps. */
export class MemoryJournal implements Journal {
  readonly entries: JournalEntry[] = [];
  append(entries: readonly JournalEntry[]): void {
    this.entries.push(...entries);
  }
  close(): void {}
}

/**
 * The run at instant `at` (every event before it handled), all parties in one timeline, from its inputs and, when given, a
 * checkpoint not later than `at`. This is restart, rewind and the first half of fork.
 */
export function replay(
  header: RunHeader,
  factories: Factories,
  inputs: readonly JournaledInput[],
  at: TimeUs,
  checkpoint?: SavedTimeline,
): Timeline {
  const timeline = new Timeline(header, factories);
  if (checkpoint === undefined) timeline.createManager();
  else timeline.restore(checkpoint);
  const from = checkpoint?.at ?? 0;
  for (const entry of inputs) if (entry.at >= from && entry.at < at) timeline.inject(addressed(entry));
  timeline.runUntil(at);
  timeline.takeOutbox();
  return timeline;
}
