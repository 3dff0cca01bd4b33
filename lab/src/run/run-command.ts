/** `paperfleet run`: a scenario in virtual time. */
import { isAbsolute, relative, resolve } from 'node:path';
import type { TimeUs } from '@paperfleet/core';
import { type Command, type CommandContext, CommandError, UsageError } from '../cli/command.ts';
import { textOption } from '../cli/parse.ts';
import { clockText, parseInstant } from '../cli/units.ts';
import { formatDiagnostic } from '../compose/diagnostic.ts';
import { checkExpectations } from '../scenario/expect.ts';
import { readScenario } from '../scenario/read-scenario.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { buildId } from './build-id.ts';
import { finalStateOf } from './final-state.ts';
import { scenarioHeader, scenarioInputs } from './scenario-inputs.ts';
import { runVirtual, type VirtualRunResult } from './virtual-run.ts';

export const runCommand: Command = {
  name: 'run',
  group: 'files',
  summary: 'Run a scenario in virtual time',
  usage: 'SCENARIO',
  description:
    'Runs as fast as it goes and prints the digest: the same scenario and seed give the same one, however it is run. Exit code 1 when an `expect` does not hold.',
  examples: [
    { command: 'paperfleet run scenarios/hello.yaml', comment: 'three machines, two services' },
    { command: 'paperfleet run scenarios/chaos.yaml --seed 7 --until 2m --json', comment: 'another seed, two simulated minutes, JSON' },
    { command: 'paperfleet run scenarios/chaos.yaml --transport ws --agents 3', comment: 'the same digest, from three agent processes' },
  ],
  options: [
    { name: 'seed', type: 'string', value: 'SEED', summary: 'Seed; wins over the scenario’s' },
    { name: 'until', type: 'string', value: 'TIME', summary: 'End in simulated time (90s, 10m, 01:20); wins over the scenario’s' },
    {
      name: 'transport',
      type: 'string',
      value: 'inproc|ws',
      summary: 'Nodes in this process, or in agent hosts behind WebSockets',
      default: 'inproc',
    },
    { name: 'agents', type: 'string', value: 'K', summary: 'Agent host processes with --transport ws', default: '1' },
    { name: 'journal', type: 'string', value: 'FILE', summary: 'Write the journal there, for `paperfleet replay`' },
  ],
  positionals: { min: 1, max: 1 },
  remote: false,
  async run(context) {
    const scenario = scenarioOf(context);
    const until = (textOption(context, 'until') === undefined ? scenario.until : parseInstant(textOption(context, 'until')!)) as TimeUs;
    const transport = textOption(context, 'transport') ?? 'inproc';
    if (transport !== 'inproc' && transport !== 'ws') throw new UsageError(`--transport ${transport}: inproc or ws`);
    const agents = Number(textOption(context, 'agents') ?? '1');
    if (!Number.isInteger(agents) || agents < 1 || agents > 64) throw new UsageError(`--agents ${agents}: a whole number from 1 to 64`);
    const journalPath = textOption(context, 'journal');
    const startedMs = performance.now();
    let shownMs = startedMs;
    const result = await runVirtual({
      header: scenarioHeader(scenario, buildId()),
      inputs: scenarioInputs(scenario),
      until,
      transport,
      agents,
      signal: context.io.signal,
      ...(journalPath === undefined ? {} : { journalPath: resolve(context.io.cwd, journalPath) }),
      progress: (at, events) => {
        if (performance.now() - shownMs < 1000) return;
        shownMs = performance.now();
        context.progress(
          `${clockText(at)} of ${clockText(until)}, ${events} events, ${Math.round(at / 1000 / (shownMs - startedMs))}× real time`,
        );
      },
    });
    return report(context, scenario, result, (performance.now() - startedMs) / 1000);
  },
};

function scenarioOf(context: CommandContext): Scenario {
  const path = context.positionals[0]!;
  const seed = textOption(context, 'seed');
  const loaded = readScenario({
    path: isAbsolute(path) ? path : relative(process.cwd(), resolve(context.io.cwd, path)),
    env: Object.fromEntries(Object.entries(context.io.env).filter((pair): pair is [string, string] => pair[1] !== undefined)),
    ...(seed === undefined ? {} : { seed }),
  });
  if (!loaded.ok) throw new CommandError(`${path} is not valid:\n${loaded.errors.map(formatDiagnostic).join('\n')}`);
  for (const warning of loaded.warnings) context.io.stderr(`${formatDiagnostic(warning)}\n`);
  return loaded.scenario;
}

function report(context: CommandContext, scenario: Scenario, result: VirtualRunResult, wallSeconds: number): 0 | 1 {
  const state = finalStateOf(result.manager);
  const expectations = checkExpectations(scenario.expect, state);
  const failed = expectations.filter(({ ok }) => !ok);
  const summary = {
    scenario: scenario.name,
    seed: scenario.seed,
    at: result.at,
    digest: result.digest,
    events: result.events,
    wallSeconds: Math.round(wallSeconds * 100) / 100,
    nodes: { total: state.nodes, ready: state.nodesReady },
    services: state.services,
    expectations,
  };
  if (context.json) {
    context.printJson(summary);
  } else {
    context.print(
      `${scenario.name}  seed ${scenario.seed}  ${clockText(result.at)} simulated in ${summary.wallSeconds} s (${Math.round(result.at / 1e6 / wallSeconds)}×), ${result.events} events`,
    );
    context.print(`nodes ready ${summary.nodes.ready}/${summary.nodes.total}`);
    for (const { name, running, desired, pending } of state.services)
      context.print(`  ${name}  ${running}/${desired} running${pending > 0 ? `, ${pending} pending` : ''}`);
    for (const { ok, text } of expectations) context.print(`${ok ? context.style.green('✓') : context.style.red('✗')} ${text}`);
    context.print(`digest ${result.digest}`);
  }
  return failed.length > 0 ? 1 : 0;
}
