/** `paperfleet replay`: the digest of a journaled run, made anew. */
import { resolve } from 'node:path';
import { digestText, MANAGER, type Party, type TimeUs } from '@paperfleet/core';
import { type ManagerView, readJournal, replayInSlices } from '@paperfleet/scheduler';
import { type Command, CommandError } from '../cli/command.ts';
import { flagOption, textOption } from '../cli/parse.ts';
import { clockText, parseInstant } from '../cli/units.ts';
import { buildId } from './build-id.ts';
import { FACTORIES } from './factories.ts';
import { finalStateOf } from './final-state.ts';

export const replayCommand: Command = {
  name: 'replay',
  group: 'files',
  summary: 'Replay a journal and print its digest',
  usage: 'JOURNAL',
  description:
    'Makes the run anew from its inputs. Digests that the journal holds up to that instant are checked; exit code 1 when one differs.',
  examples: [
    { command: 'paperfleet replay .paperfleet/journal.ndjson', comment: 'all of it' },
    { command: 'paperfleet replay .paperfleet/journal.ndjson --until 01:20 --json', comment: 'the state 80 s into the run' },
  ],
  options: [
    { name: 'until', type: 'string', value: 'TIME', summary: 'Stop at this simulated time', default: 'the end' },
    { name: 'any-build', type: 'boolean', summary: 'Replay a journal of another build (its digests will differ)' },
  ],
  positionals: { min: 1, max: 1 },
  remote: false,
  async run(context) {
    const path = context.positionals[0]!;
    const journal = readJournal(resolve(context.io.cwd, path));
    if (journal.header.build !== buildId() && !flagOption(context, 'any-build')) {
      throw new CommandError(`${path} was written by build ${journal.header.build}; this is ${buildId()}`, {
        hint: 'replay it with that build, or try --any-build',
      });
    }
    const wanted = textOption(context, 'until');
    const until = (wanted === undefined ? journal.end : parseInstant(wanted)) as TimeUs;
    const started = performance.now();
    const mismatches: string[] = [];
    let timeline = await replayInSlices(journal.header, FACTORIES, journal.inputs, until, undefined, (at) =>
      context.progress(`${clockText(at)} of ${clockText(until)}`),
    );
    const digest = digestText(timeline.digest());
    let checked = 0;
    for (const known of journal.digests) {
      if (known.at > until) continue;
      if (known.at !== until) timeline = await replayInSlices(journal.header, FACTORIES, journal.inputs, known.at);
      const found = known.at === until ? digest : digestText(timeline.digest());
      checked++;
      if (found !== known.digest) mismatches.push(`at ${clockText(known.at)}: the journal says ${known.digest}, the replay ${found}`);
    }
    const state = finalStateOf(timeline.party(MANAGER) as Party & ManagerView);
    const wallSeconds = Math.round((performance.now() - started) / 10) / 100;
    if (context.json) {
      context.printJson({
        at: until,
        digest,
        inputs: journal.inputs.length,
        events: timeline.events,
        wallSeconds,
        digestsChecked: checked,
        mismatches,
        services: state.services,
      });
    } else {
      context.print(`${clockText(until)} replayed in ${wallSeconds} s: ${journal.inputs.length} inputs, ${timeline.events} events`);
      context.print(
        `digest ${digest}${checked === 0 ? '' : `  (${checked - mismatches.length} of ${checked} digests in the journal agree)`}`,
      );
      for (const mismatch of mismatches) context.io.stderr(`${mismatch}\n`);
    }
    return mismatches.length > 0 ? 1 : 0;
  },
};
