/** `paperfleet agent`: simulated machines for a cluster elsewhere. */
import { AgentHost, createNodeAgent } from '@paperfleet/node-agent';
import { type Command, UsageError } from '../cli/command.ts';
import { flagOption, listOption, textOption } from '../cli/parse.ts';
import { buildId } from '../run/build-id.ts';
import { makeOffers } from './offers.ts';

export const agentCommand: Command = {
  name: 'agent',
  group: 'cluster',
  summary: 'Join a cluster with simulated machines',
  usage: '',
  description:
    'One process hosts any number of node agents, each with a WebSocket of its own. The nodes keep their names under the host’s name, so a host that is started again brings its nodes back.',
  examples: [
    { command: 'paperfleet agent --join ws://127.0.0.1:7070 --token TOKEN --nodes 10', comment: 'ten more machines' },
    {
      command: 'paperfleet agent --join ws://127.0.0.1:7070 --name big --nodes 2 --cpu 64 --memory 512GiB --label disk=ssd',
      comment: 'two large ones',
    },
  ],
  options: [
    { name: 'join', type: 'string', value: 'URL', summary: 'The manager, as `paperfleet up` prints it', default: 'ws://127.0.0.1:7070' },
    { name: 'token', type: 'string', value: 'TOKEN', summary: 'Join token, as `paperfleet up` prints it (or PAPERFLEET_JOIN_TOKEN)' },
    { name: 'name', type: 'string', value: 'NAME', summary: 'Name of this agent host', default: 'agents' },
    { name: 'nodes', type: 'string', value: 'N', summary: 'How many machines', default: '1' },
    { name: 'cpu', type: 'string', value: 'CORES', summary: 'Cores of each', default: '8' },
    { name: 'memory', type: 'string', value: 'SIZE', summary: 'Memory of each', default: '16GiB' },
    { name: 'label', type: 'string', multiple: true, value: 'KEY=VALUE', summary: 'Node label; zone=… also sets the zone' },
    { name: 'zones', type: 'string', value: 'N', summary: 'Spread over N zones', default: '1' },
    { name: 'latency', type: 'string', value: 'MS', summary: 'One-way latency to the manager', default: '100' },
    { name: 'retry', type: 'string', value: 'SECONDS', summary: 'Longest wait between two tries to connect', default: '8' },
    { name: 'quiet', type: 'boolean', summary: 'Print errors only' },
    { name: 'with-parent', type: 'boolean', summary: 'End when the starting process ends' },
  ],
  positionals: { min: 0, max: 0 },
  remote: false,
  async run(context) {
    const { io } = context;
    const url = (textOption(context, 'join') ?? 'ws://127.0.0.1:7070').replace(/^http/, 'ws').replace(/\/$/, '');
    if (!/^wss?:\/\/[^/]+$/.test(url)) throw new UsageError(`--join ${url}: expected ws://HOST:PORT`);
    const quiet = flagOption(context, 'quiet');
    const name = textOption(context, 'name') ?? 'agents';
    const latency = textOption(context, 'latency');
    const retry = Number(textOption(context, 'retry') ?? '8');
    if (!(retry >= 0.1 && retry <= 3600)) throw new UsageError(`--retry ${retry}: seconds, from 0.1 to 3600`);
    const host = new AgentHost({
      url,
      token: textOption(context, 'token') ?? io.env['PAPERFLEET_JOIN_TOKEN'] ?? '',
      build: buildId(),
      name,
      offers: makeOffers({
        nodes: Number(textOption(context, 'nodes') ?? '1'),
        cpu: textOption(context, 'cpu') ?? '8',
        memory: textOption(context, 'memory') ?? '16GiB',
        labels: listOption(context, 'label'),
        zones: Number(textOption(context, 'zones') ?? '1'),
        latencyMs: latency === undefined ? undefined : Number(latency),
      }),
      node: createNodeAgent,
      maxBackoffMs: retry * 1000,
      log: (event, detail) => {
        if (event === 'link.attached' && !quiet)
          context.print(`${name}: attached to ${url} with ${String(detail['agents'])} nodes (Ctrl-C leaves)`);
        else if (event === 'link.broken' && detail['tries'] === 1 && !quiet) {
          const reason = typeof detail['reason'] === 'string' ? detail['reason'] : '';
          io.stderr(`${name}: no connection to ${url}${reason === '' ? '' : ` (${reason})`}; trying again until it is back\n`);
        }
        if (event === 'frame.refused') io.stderr(`${name}: ${JSON.stringify(detail)}\n`);
      },
    });
    const stop = (): void => host.stop('stopped by its user');
    // Ctrl-C reaches every process of a terminal. A manager's own host must not leave while the manager writes down where
    // the run stops: it waits for the manager's end.
    if (flagOption(context, 'with-parent')) process.on('disconnect', stop);
    else io.signal.addEventListener('abort', stop);
    try {
      if (flagOption(context, 'with-parent') && !process.connected) return 0;
      await host.run();
    } finally {
      if (process.connected) process.disconnect(); // an open channel would keep this process (and its parent) alive
    }
    return 0;
  },
};
