/** docs/workloads.md, made from the catalogue and the table of parameters so that it cannot fall behind them. */
import { BASE_LAYERS, CATALOGUE, type CatalogueEntry, DEFAULT_PROFILE, type ImageSize } from './catalogue.ts';
import { MISSING_REGISTRY, MISSING_TAG } from './images.ts';
import { PARAMETERS } from './parameters.ts';
import type { WorkloadProfile } from './profile.ts';
import { showBytes, showDistribution, showDuration } from './quantity.ts';

const INTRODUCTION = `# Workloads

<!-- Generated from node-agent/src/workload. Do not edit: PAPERFLEET_UPDATE=1 npx vitest run node-agent/src/workload/catalogue-document.test.ts -->

What runs in a simulated container is a workload: a program that starts, boots, asks for CPU and memory, answers health
probes and the stop signal, and may end by itself. A service gets its workload from, in this order,

1. \`workload.name\`: an entry of the catalogue below;
2. the last part of its image's name: the whole of it, or one of its parts between \`-\`, \`_\` and \`.\` (\`bitnami/redis-cluster\` behaves as \`redis\`);
3. the entry \`default\`, a small web service.

\`workload.parameters\` then change single numbers. **All figures are assumptions** of the right order of magnitude for a small
instance with default settings; none is a measurement. Give your own where they matter.

The model: CPU asked for = idle CPU (wandering a little) + rate × CPU per request. Memory = base, growing to the plateau in
eight steps, + requests in flight × memory per request, where requests in flight = rate × request time, at most the
concurrency. What the container gets of it is the accounting's business: its limits, and the other containers of the node.
`;

function parameters(): string {
  const rows = PARAMETERS.map(({ name, kind, help, field }) => {
    const value = DEFAULT_PROFILE[field];
    return `| \`${name}\` | ${help} | ${kind.form.replaceAll('|', '\\|')} | ${value === undefined ? 'never' : kind.show(value as never)} |`;
  });
  return ['## Parameters', '', '| parameter | meaning | form | default entry |', '|---|---|---|---|', ...rows].join('\n');
}

const cpu = (nano: number): string => `${Math.round(nano / 1e5) / 10}`;

function behaviour(name: string, aliases: readonly string[], p: WorkloadProfile): string {
  const memory =
    p.memoryPlateauBytes > p.memoryBytes
      ? `${showBytes(p.memoryBytes)} → ${showBytes(p.memoryPlateauBytes)} in ${showDuration(p.memoryGrowthUs)}`
      : showBytes(p.memoryBytes);
  const stop = p.ignoresStop ? 'killed after the grace period, 137' : `${showDistribution(p.stopUs)}; exit ${p.stopExitCode}`;
  return `| \`${name}\`${aliases.length > 0 ? ` (${aliases.join(', ')})` : ''} | ${cpu(p.baseCpuNano)} | ${showDuration(p.requestCpuUs)} | ${showDuration(p.requestUs)}, ${p.concurrency} | ${memory} | ${showBytes(p.requestMemoryBytes)} | ${showDistribution(p.bootUs)} at ${cpu(p.bootCpuNano)} | ${stop} |`;
}

function programs(): string {
  const servers = CATALOGUE.filter(({ profile, oneShot }) => oneShot !== true && profile.exitAfterUs === undefined);
  const tools = CATALOGUE.filter((entry) => !servers.includes(entry));
  return [
    '## Programs',
    '',
    `From the start order until the process runs: ${showDistribution(DEFAULT_PROFILE.startUs)}. CPU in thousandths of a core.`,
    '',
    '| image (also) | idle CPU | CPU per request | request time, concurrency | memory | per request in flight | boot, CPU | stop |',
    '|---|---|---|---|---|---|---|---|',
    behaviour('default', [], DEFAULT_PROFILE),
    ...servers.map(({ name, aliases, profile }) => behaviour(name, aliases, profile)),
    '',
    `Tools and shells end at once with exit code 0 unless they are given a command: ${tools.map(names).join('; ')}. Understood are \`sleep\`, \`exit\`,`,
    '`true`, `false`, `echo` and other quick commands, `sh -c` with a sequence of them, and endless loops; every other command keeps running.',
  ].join('\n');
}

const names = ({ name, aliases }: CatalogueEntry): string => `\`${name}\`${aliases.length > 0 ? ` (${aliases.join(', ')})` : ''}`;
const megabytes = (bytes: number): string => `${Math.round(bytes / 1e5) / 10}`;
const size = (image: ImageSize | undefined): string => (image === undefined ? '' : `${image.base} + ${megabytes(image.ownBytes)}`);

function images(): string {
  return [
    '## Images',
    '',
    'A pull fetches the layers that the node does not have, three at a time; equal layers are fetched and stored once. Sizes in MB (10^6), compressed.',
    `The own part of an image is three layers (80, 15 and 5 %). An unknown image gets a base and 15 to 250 MB by a hash of its name. A tag \`${MISSING_TAG}\``,
    `or a registry named \`${MISSING_REGISTRY}\` stands for an image that cannot be had: the task is rejected with \`No such image: …\`.`,
    '',
    '| base | layers |',
    '|---|---|',
    ...Object.entries(BASE_LAYERS).map(([base, layers]) => `| ${base} | ${layers.map(megabytes).join(' + ') || '–'} |`),
    '',
    '| image | base + own | tag with `alpine` | tag with `slim` |',
    '|---|---|---|---|',
    ...CATALOGUE.map((entry) => `| \`${entry.name}\` | ${size(entry.image)} | ${size(entry.alpine)} | ${size(entry.slim)} |`),
  ].join('\n');
}

/** The document's text. */
export function catalogueDocument(): string {
  return `${[INTRODUCTION, parameters(), programs(), images()].join('\n\n').replaceAll('\n\n\n', '\n\n')}\n`;
}
