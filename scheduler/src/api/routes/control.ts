/** Endpoints that change a run: commands, faults, playback, Compose files; and the runs themselves. */
import type { CommandAck, DeployAnswer, PlaybackRequest, PlaybackState, RunSummary, Snapshot, TimeUs } from '@paperfleet/core';
import { assertNever } from '@paperfleet/core';
import { z } from 'zod';
import type { LiveRun } from '../../live/run.ts';
import { accepted, ApiFailure } from '../failure.ts';
import { submitFaults } from '../faults.ts';
import { buildSnapshot } from '../live/state-feed.ts';
import * as answers from '../schemas/answers.ts';
import { commandRequest, deployRequest, faultRequest, instantRequest, playbackRequest } from '../schemas/requests.ts';
import type { EncodedJson, Route } from './route.ts';
import { route } from './route.ts';
import { runSummary } from './state.ts';

const commandRoute = route({
  method: 'post',
  path: '/api/runs/:run/commands',
  id: 'postCommand',
  tag: 'commands',
  summary: 'A command to the manager',
  description:
    'Answered when it stands in the journal, synced; what it leads to shows in the events. The same key gives the same answer and acts once.',
  role: 'operator',
  body: commandRequest,
  takesKey: true,
  answer: { status: 202, schema: answers.commandAck, description: 'It is in the journal' },
  refusals: ['PF_NOT_FOUND', 'PF_CONFLICT', 'PF_UNAVAILABLE'],
  handle: async (request): Promise<CommandAck> => {
    const { command, key } = request.body;
    if (key !== undefined && request.key !== '' && key !== request.key) {
      throw new ApiFailure('PF_INVALID', 'the key in the body is another than that of the header Idempotency-Key', { path: 'key' });
    }
    const { seq, at } = accepted(await request.run().submit(command, request.by, key ?? request.key));
    return { seq, at };
  },
});

const deployRoute = route({
  method: 'post',
  path: '/api/runs/:run/deploy',
  id: 'postDeploy',
  tag: 'commands',
  summary: 'Deploy Compose files as a stack',
  description:
    'Loads the files as `docker stack deploy` would and submits the result as one command. What is wrong with the files comes back place by place in `error.details`.',
  role: 'operator',
  body: deployRequest,
  takesKey: true,
  answer: { status: 202, schema: answers.deployAnswer, description: 'It is in the journal' },
  refusals: ['PF_NOT_FOUND', 'PF_CONFLICT', 'PF_NOT_AVAILABLE', 'PF_UNAVAILABLE'],
  handle: async (request): Promise<DeployAnswer> => {
    const { loadStack } = request.api.options;
    if (loadStack === undefined) throw new ApiFailure('PF_NOT_AVAILABLE', 'this server does not read Compose files');
    const run = request.run();
    const { prune = false, ...files } = request.body;
    const loaded = loadStack(files);
    if (!loaded.ok) {
      const [first] = loaded.errors;
      const more = loaded.errors.length > 1 ? ` (and ${loaded.errors.length - 1} more)` : '';
      const place = first?.file === undefined ? '' : `${first.file}${first.line === undefined ? '' : `:${first.line}`}: `;
      throw new ApiFailure('PF_INVALID', `${place}${first?.message ?? 'the files cannot be loaded'}${more}`, {
        path: 'files',
        details: loaded.errors,
      });
    }
    const { stack, warnings } = loaded;
    const { seq, at } = accepted(await run.submit({ do: 'deploy', stack, prune }, request.by, request.key));
    return { seq, at, stack: stack.name, services: stack.services.map(({ name }) => name), warnings };
  },
});

const faultRoute = route({
  method: 'post',
  path: '/api/runs/:run/faults',
  id: 'postFault',
  tag: 'commands',
  summary: 'Disturb reality: crash or recover nodes, kill a task, cut or impair links',
  description: 'The manager is told nothing: it finds out by missed heartbeats, as in reality.',
  role: 'operator',
  body: faultRequest,
  answer: { status: 202, schema: answers.commandAck, description: 'It is in the journal' },
  refusals: ['PF_NOT_FOUND', 'PF_CONFLICT', 'PF_UNAVAILABLE'],
  handle: (request) => submitFaults(request.run(), request.body, request.by),
});

async function applyPlayback(run: LiveRun, request: PlaybackRequest): Promise<PlaybackState> {
  switch (request.do) {
    case 'pause':
      run.pause();
      break;
    case 'resume':
      run.resume();
      break;
    case 'speed':
      run.setSpeed(request.speed);
      break;
    case 'step':
      await run.step(request.until);
      break;
    default:
      assertNever(request, 'playback request');
  }
  return run.playback();
}

const playbackRoute = route({
  method: 'post',
  path: '/api/runs/:run/playback',
  id: 'postPlayback',
  tag: 'time',
  summary: 'Pause, resume, set the speed, step',
  description: 'A step is answered when it is done; the run is paused then.',
  role: 'operator',
  body: playbackRequest,
  answer: { status: 200, schema: answers.playbackState, description: 'How it plays now' },
  refusals: ['PF_NOT_FOUND'],
  handle: (request) => applyPlayback(request.run(), request.body),
});

const runsRoute = route({
  method: 'get',
  path: '/api/runs',
  id: 'listRuns',
  tag: 'runs',
  summary: 'All runs: the live one and its branches',
  role: 'viewer',
  answer: { status: 200, schema: z.array(answers.runSummary), description: 'The live run first' },
  refusals: [],
  handle: (request): RunSummary[] => request.api.runs.list().map(runSummary),
});

/** An instant must lie in the past of its run. */
function checkPast(run: LiveRun, at: number): TimeUs {
  const { simUs } = run.playback();
  if (at > simUs)
    throw new ApiFailure('PF_INVALID', `the run has only come to ${simUs} µs`, { path: 'at', hint: 'name an instant in its past' });
  return at as TimeUs;
}

const rewindRoute = route({
  method: 'post',
  path: '/api/runs/:run/rewind',
  id: 'postRewind',
  tag: 'time',
  summary: 'The state at an earlier instant',
  description:
    'Made by replay of the journal in a side run; the run itself goes on undisturbed. The header Paperfleet-Digest has the digest at that instant.',
  role: 'operator',
  body: instantRequest,
  answer: { status: 200, schema: answers.snapshot, description: 'The state then' },
  refusals: ['PF_NOT_FOUND', 'PF_CONFLICT', 'PF_UNAVAILABLE'],
  handle: async (request): Promise<EncodedJson> => {
    const run = request.run();
    const at = checkPast(run, request.body.at);
    const past = accepted(await request.api.heavy(() => request.api.runs.rewind(run.name, at)));
    const playback: PlaybackState = { ...run.playback(), paused: true, reachedSpeed: 0, simUs: past.at, waitingFor: [] };
    const snapshot: Snapshot = buildSnapshot(run, past.manager, playback, 0);
    return { json: Buffer.from(JSON.stringify(snapshot)), headers: { 'Paperfleet-Digest': past.digest } };
  },
});

const forkRoute = route({
  method: 'post',
  path: '/api/runs/:run/fork',
  id: 'postFork',
  tag: 'time',
  summary: 'A branch that goes on, paused, from an earlier instant',
  role: 'operator',
  body: instantRequest,
  answer: { status: 201, schema: answers.runSummary, description: 'The new run' },
  refusals: ['PF_NOT_FOUND', 'PF_CONFLICT', 'PF_UNAVAILABLE'],
  handle: async (request): Promise<RunSummary> => {
    const run = request.run();
    const at = checkPast(run, request.body.at);
    return runSummary(accepted(await request.api.heavy(() => request.api.runs.fork(run.name, at))));
  },
});

const closeRoute = route({
  method: 'delete',
  path: '/api/runs/:run',
  id: 'deleteRun',
  tag: 'runs',
  summary: 'End a branch',
  role: 'operator',
  answer: { status: 200, schema: z.array(answers.runSummary), description: 'The runs that remain' },
  refusals: ['PF_NOT_FOUND', 'PF_CONFLICT'],
  handle: async (request): Promise<RunSummary[]> => {
    const run = request.run();
    const { runs, options } = request.api;
    if (run.name === options.defaultRun) throw new ApiFailure('PF_CONFLICT', 'the live run cannot be closed; only branches can');
    await runs.close(run.name);
    request.api.forget(run);
    return runs.list().map(runSummary);
  },
});

const healthRoute = route({
  method: 'get',
  path: '/healthz',
  id: 'getHealth',
  tag: 'server',
  summary: 'Whether the server answers',
  role: 'anyone',
  answer: { status: 200, schema: answers.health, description: 'It does' },
  refusals: [],
  handle: (request): { readonly status: 'ok'; readonly build: string; readonly simUs: number } => {
    const run = request.api.requireRun('live');
    return { status: 'ok', build: run.header.build, simUs: run.playback().simUs };
  },
});

export const CONTROL_ROUTES: readonly Route[] = [
  runsRoute,
  closeRoute,
  commandRoute,
  deployRoute,
  faultRoute,
  playbackRoute,
  rewindRoute,
  forkRoute,
  healthRoute,
];
