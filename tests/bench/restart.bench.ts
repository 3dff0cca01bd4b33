// A cluster of 100 nodes with 300 tasks that ran for six simulated hours at full speed, killed with kill -9 and started
// again: real processes, wall time. What the run costs until then is not counted.

import { buildCommand } from '../support/build.ts';
import { endAll } from '../support/paperfleet.ts';
import { runLong } from '../support/long-run.ts';
import type { BenchResult } from './result.ts';

const HOURS = 6;
const NODES = 100;

export async function run(): Promise<BenchResult[]> {
  buildCommand();
  try {
    const { backSeconds, servesSeconds, replayedHours, ranSeconds, checkpoints } = await runLong({ nodes: NODES, hours: HOURS });
    const largest = Math.max(...checkpoints.map(({ bytes }) => bytes));
    const longest = Math.max(...checkpoints.map(({ pausedMs }) => pausedMs));
    const subject = `${NODES} nodes after ${HOURS} simulated hours`;
    return [
      {
        goal: '–',
        name: `restart, ${subject}`,
        value: backSeconds,
        unit: 's',
        target: 10,
        direction: 'max',
        note: `kill -9 to time going on with all hosts; serves after ${servesSeconds.toFixed(1)} s; replayed ${(replayedHours * 60).toFixed(0)} simulated minutes after the newest of ${checkpoints.length} checkpoints; the run took ${ranSeconds.toFixed(0)} s`,
      },
      { goal: '–', name: `checkpoint, ${subject}`, value: largest / 1e6, unit: 'MB', target: 50, direction: 'max', note: 'the largest' },
      {
        goal: '–',
        name: `pause for a checkpoint, ${subject}`,
        value: longest,
        unit: 'ms',
        target: 1000,
        direction: 'max',
        note: 'the longest; the hosts’ part included',
      },
    ];
  } finally {
    await endAll();
  }
}
