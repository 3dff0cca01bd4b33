// Repeats one random run of invariants.sim.ts and says what went wrong:
//   npx tsx --conditions=@paperfleet/source tests/sim/replay-seed.ts SEED [SEED…]
import { runChecked } from '../support/checked-run.ts';
import { randomRun } from '../support/random-run.ts';

for (const text of process.argv.slice(2)) {
  const run = randomRun(Number(text));
  const what = `seed ${run.seed} (${run.size}: ${run.troubles.join(', ')})`;
  try {
    const { digest, events, commits } = runChecked(run);
    console.log(`${what}: all holds, ${events} events, ${commits} commits, digest ${digest}`);
  } catch (error) {
    console.log(`${what}: ${(error as Error).stack}`);
    process.exitCode = 1;
  }
}
