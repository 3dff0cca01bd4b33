/** A cluster that runs for long at full speed, is killed, and comes back: how long that takes. */
import { composeOf, eventually, type Manager, replayOf, startManager, temporaryFolder } from './paperfleet.ts';

export interface LongRun {
  /** Simulated hours and wall seconds until the manager was killed. */
  readonly simulatedHours: number;
  readonly ranSeconds: number;
  /** Wall seconds from the start of the process until it serves, and until all hosts are back and time goes on. */
  readonly servesSeconds: number;
  readonly backSeconds: number;
  /** Of each checkpoint that was taken: size, and how long the run stood still for it. */
  readonly checkpoints: readonly { readonly at: number; readonly bytes: number; readonly pausedMs: number }[];
  /** Simulated hours between the checkpoint that was taken up and the end of the journal. */
  readonly replayedHours: number;
  readonly manager: Manager;
}

/** Runs `nodes` with 3 tasks each for so many simulated hours, kills the manager with its hosts and starts it again. */
export async function runLong(options: {
  readonly nodes: number;
  readonly hours: number;
  readonly checkpointSeconds?: number;
}): Promise<LongRun> {
  const { nodes, hours } = options;
  const every = options.checkpointSeconds === undefined ? [] : ['--checkpoint-every', String(options.checkpointSeconds)];
  const args = ['--nodes', String(nodes), '--empty', '--speed', '20', ...every];
  const state = temporaryFolder();
  const first = await startManager({ state, args });
  await eventually('the nodes are ready', async () => (await first.api.status()).nodes.ready === nodes);
  await first.api.deploy(composeOf(Object.fromEntries(Array.from({ length: nodes / 5 }, (_, index) => [`s${index}`, 15]))));
  await first.api.settled(nodes);
  const began = performance.now();
  await first.api.playback({ do: 'speed', speed: 0 });
  await eventually(
    `${hours} simulated hours`,
    async () => (await first.api.status()).run.playback.simUs >= hours * 3.6e9 && checkpointsOf(first).length > 0,
    3_600_000,
  );
  const ranSeconds = (performance.now() - began) / 1000;
  await first.program.kill('SIGKILL');
  const checkpoints = checkpointsOf(first);

  const killed = performance.now();
  const manager = await startManager({ state, port: first.port, args });
  const resumedAt = manager.resumedAt!;
  await eventually('the cluster is back', async () => {
    const { run, nodes: count, tasks } = await manager.api.status();
    return run.playback.waitingFor.length === 0 && run.playback.simUs > resumedAt && count.ready === nodes && tasks.running === nodes * 3;
  });
  return {
    simulatedHours: resumedAt / 3.6e9,
    ranSeconds,
    servesSeconds: manager.startedMs / 1000,
    backSeconds: (performance.now() - killed) / 1000,
    checkpoints,
    replayedHours: (resumedAt - Math.max(0, ...checkpoints.map(({ at }) => at))) / 3.6e9,
    manager,
  };
}

/** What its log says. */
const checkpointsOf = ({ program }: Manager): LongRun['checkpoints'] =>
  program.stderr
    .split('\n')
    .filter((line) => line.includes('"checkpoint.taken"'))
    .map((line) => JSON.parse(line) as LongRun['checkpoints'][number]);

/** The digest of the run that came back, and that of its journal from the beginning without checkpoints. */
export async function digestsOf({ api, state }: Manager): Promise<readonly [string, string]> {
  const { at, digest } = await api.digest();
  return [digest, (await replayOf(state, at)).digest];
}
