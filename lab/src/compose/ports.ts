/** `ports:` entries, short ('127.0.0.1:8080-8081:80-81/udp') and long, as one port each. */
import type { ComposePort } from './model.ts';
import { below, either, integer, list, oneOf, shape, string, wrong, type Cursor, type Reader } from './reader.ts';
import type { SourceNode } from './source-tree.ts';

/** All entries of a `ports:` list; ranges give one port for each number. */
export const ports: Reader<readonly ComposePort[]> = (node, at) => list(entry)(node, at)?.flat();

const entry: Reader<readonly ComposePort[]> = either<readonly ComposePort[]>({
  scalar: (node, at) => shortForm(node, at),
  map: (node, at) => longForm(node, at),
});

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
const HINT = "write '8080:80', '127.0.0.1:8080:80', '8000-8010:8000-8010', '53:53/udp' or just '80'";

interface Range {
  readonly first: number;
  readonly last: number;
}

function range(text: string): Range | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first <= last && last <= 65_535 ? { first, last } : undefined;
}

function shortForm(node: SourceNode, at: Cursor): readonly ComposePort[] | undefined {
  if (node.kind !== 'scalar' || typeof node.value === 'boolean') return wrong(node, at, 'must be a port', HINT);
  const text = node.text.trim();
  const match = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(?:([^:]*):)?([^:/]+)(?:\/([a-z]+))?$/i.exec(text);
  if (match === null) return wrong(node, at, `'${text}' is no port`, HINT);
  // With one colon the part before it is the published port, with two it is the host address.
  const hostIp = match[2] === undefined ? '' : (match[1] ?? '');
  const published = match[2] ?? match[1] ?? '';
  const protocol = (match[4] ?? 'tcp').toLowerCase();
  if (!(PROTOCOLS as readonly string[]).includes(protocol))
    return wrong(node, at, `'${protocol}' is no protocol`, `one of ${PROTOCOLS.join(', ')}`);
  return expand(node, at, {
    hostIp,
    published,
    target: match[3] ?? '',
    protocol: protocol as ComposePort['protocol'],
    mode: 'ingress',
    name: undefined,
  });
}

interface Unexpanded extends Omit<ComposePort, 'target' | 'published' | 'place'> {
  readonly target: string;
  readonly published: string;
}

function expand(node: SourceNode, at: Cursor, port: Unexpanded): readonly ComposePort[] | undefined {
  const target = range(port.target);
  const published = port.published === '' ? { first: 0, last: 0 } : range(port.published);
  if (target === undefined || target.first === 0)
    return wrong(node, at, `'${port.target}' is no container port`, 'a number from 1 to 65535, or a range such as 8000-8010');
  if (published === undefined) return wrong(node, at, `'${port.published}' is no published port`, HINT);
  const count = target.last - target.first + 1;
  const width = published.last - published.first + 1;
  const { hostIp, protocol, mode, name } = port;
  if (count === 1 && width > 1) {
    at.diagnostics.warn(
      node.place,
      at.path,
      `of the range ${port.published} the first port is published`,
      'a cluster publishes one port for all replicas',
    );
  } else if (published.first !== 0 && count !== width) {
    return wrong(
      node,
      at,
      `the ranges ${port.published} (${width} ports) and ${port.target} (${count} ports) differ in length`,
      'make them equally long',
    );
  }
  return Array.from({ length: count }, (_, index) => ({
    target: target.first + index,
    published: published.first === 0 ? 0 : published.first + index,
    hostIp,
    protocol,
    mode,
    name,
    place: node.place,
  }));
}

interface LongForm {
  readonly name?: string;
  readonly target?: number;
  readonly published?: string;
  readonly hostIp?: string;
  readonly protocol?: ComposePort['protocol'];
  readonly mode?: 'ingress' | 'host';
}

const published: Reader<string> = (node, at) =>
  node.kind === 'scalar' && (typeof node.value === 'number' || typeof node.value === 'string')
    ? node.text.trim()
    : wrong(node, at, 'must be a port or a range of ports');

const long: Reader<LongForm> = shape<LongForm>(
  {
    name: ['name', string],
    target: ['target', integer(1, 65_535)],
    published: ['published', published],
    hostIp: ['host_ip', string],
    protocol: ['protocol', oneOf(PROTOCOLS)],
    mode: ['mode', oneOf(['ingress', 'host'])],
  },
  { ignored: { app_protocol: string }, required: ['target'] },
);

function longForm(node: SourceNode, at: Cursor): readonly ComposePort[] | undefined {
  const read = long(node, at);
  if (read?.target === undefined) return undefined;
  const inside = below(at, 'published', node.place);
  const { name, target, hostIp = '', protocol = 'tcp', mode = 'ingress' } = read;
  return expand(node, read.published === undefined ? at : inside, {
    name,
    target: String(target),
    published: read.published ?? '',
    hostIp,
    protocol,
    mode,
  });
}
