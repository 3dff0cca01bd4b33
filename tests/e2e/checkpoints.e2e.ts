/** Restart from checkpoints after a long run; six simulated hours are the bench's (tests/bench/restart.bench.ts). */
import { afterEach, expect, test } from 'vitest';
import { digestsOf, runLong } from '../support/long-run.ts';
import { endAll } from '../support/paperfleet.ts';

afterEach(endAll);

test('a cluster of 100 nodes that ran half an hour at full speed goes on from its newest checkpoint, and is the one it was', async () => {
  const { replayedHours, simulatedHours, checkpoints, manager } = await runLong({ nodes: 100, hours: 0.5, checkpointSeconds: 10 });
  expect(checkpoints.length).toBeGreaterThan(0);
  // Not the whole run was replayed.
  expect(replayedHours).toBeLessThan(simulatedHours / 2);
  expect((await manager.api.events()).filter(({ kind }) => kind === 'node.down')).toEqual([]);
  await manager.api.playback({ do: 'pause' });
  const [living, replayed] = await digestsOf(manager);
  expect(living).toBe(replayed);
});
