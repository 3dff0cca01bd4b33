import { expect, test } from 'vitest';
import { COMMANDS } from './commands.ts';
import { parseInstant } from './units.ts';
import { paperfleet } from './testing/run.ts';

test('the general help lists every command', async () => {
  const { code, out } = await paperfleet('--help');
  expect(code).toBe(0);
  const lines = out.split('\n').map((line) => line.trim().split(/ {2,}/));
  for (const { name, summary } of COMMANDS) expect(lines).toContainEqual([name, summary]);
  expect(out).toMatch(/^Usage: paperfleet COMMAND \[OPTIONS\]$/m);
});

test('without a command the help goes to stderr and the exit code says usage', async () => {
  const { code, out, err } = await paperfleet([]);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain('Usage: paperfleet COMMAND');
});

test.each(COMMANDS.map((command) => [command.name, command] as const))(
  'the help of %s shows its usage, examples and options',
  async (name, command) => {
    const byOption = await paperfleet(`${name} --help`);
    const byName = await paperfleet(`help ${name}`);
    expect(byOption).toEqual(byName);
    expect(byOption.code).toBe(0);
    expect(command.examples.length).toBeGreaterThan(0);
    for (const { command: example, comment } of command.examples) expect(byOption.out).toContain(`  # ${comment}\n  ${example}\n`);
    for (const option of command.options) expect(byOption.out).toContain(`--${option.name}`);
    expect(byOption.out).toContain('--json');
  },
);

test('names and aliases are different from one another', () => {
  const names = COMMANDS.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  expect(new Set(names).size).toBe(names.length);
});

test('the help of a command', async () => {
  expect((await paperfleet('scale --help')).out).toMatchInlineSnapshot(`
    "Set how many replicas of services shall run

    Usage: paperfleet scale SERVICE=REPLICAS… [OPTIONS]

    Examples:
      # ten replicas of web
      paperfleet scale web=10
      # several services, and wait until they all run
      paperfleet scale web=10 api=4 --wait

    Options:
      -w, --wait         Return only when all replicas run
          --url URL      The cluster to speak to (PAPERFLEET_URL) [default: http://127.0.0.1:7070]
          --token TOKEN  Token, when the cluster asks for one (PAPERFLEET_TOKEN)
          --run NAME     Run to speak about; branches have names of their own [default: live]
          --json         Print JSON instead of text
      -h, --help         Show this help
    "
  `);
});

test('the version', async () => {
  expect((await paperfleet('--version')).out).toMatch(/^paperfleet \d+\.\d+\.\d+\n$/);
});

test.each([
  ['scael web=3', 'paperfleet: unknown command "scael"\ndid you mean `paperfleet scale`?\n'],
  ['frobnicate', 'paperfleet: unknown command "frobnicate"\nsee `paperfleet --help`\n'],
  ['ps --nod n1', 'paperfleet ps: unknown option --nod\nhint: did you mean --node?\nusage: paperfleet ps [SERVICE] [OPTIONS]\n'],
  ['ps --node', 'paperfleet ps: option --node needs a value\nhint: --node NODE\nusage: paperfleet ps [SERVICE] [OPTIONS]\n'],
  ['ps --all=yes', 'paperfleet ps: option --all takes no value\nusage: paperfleet ps [SERVICE] [OPTIONS]\n'],
  ['ps web api', 'paperfleet ps: too many arguments: "api"\nusage: paperfleet ps [SERVICE] [OPTIONS]\n'],
  ['services web', 'paperfleet services: takes no arguments, but got "web"\nusage: paperfleet services [OPTIONS]\n'],
  ['scale', 'paperfleet scale: an argument is missing: SERVICE=REPLICAS…\nusage: paperfleet scale SERVICE=REPLICAS… [OPTIONS]\n'],
  [
    'scale web',
    'paperfleet scale: "web" is not of the form SERVICE=REPLICAS\nhint: for example web=3\nusage: paperfleet scale SERVICE=REPLICAS… [OPTIONS]\n',
  ],
  [
    'scale web=-1',
    'paperfleet scale: the number of replicas of web must be a whole number up to 1000000, not "-1"\nusage: paperfleet scale SERVICE=REPLICAS… [OPTIONS]\n',
  ],
  [
    'load web much',
    'paperfleet load: "much" is no rate\nhint: write requests per second: 200 or 0.5\nusage: paperfleet load SERVICE RATE [OPTIONS]\n',
  ],
  ['speed 5000', 'paperfleet speed: "5000" is no speed\nhint: from 0.1 to 1000, or max\nusage: paperfleet speed FACTOR|max [OPTIONS]\n'],
  ['rm', 'paperfleet rm: name a service, or a stack with --stack\nusage: paperfleet rm SERVICE… | --stack NAME [OPTIONS]\n'],
  ['rm web --stack shop', 'paperfleet rm: name services or --stack, not both\nusage: paperfleet rm SERVICE… | --stack NAME [OPTIONS]\n'],
  ['kill', 'paperfleet kill: name a node, or a task with --task\nusage: paperfleet kill NODE… | --task TASK [OPTIONS]\n'],
  [
    'rewind',
    'paperfleet rewind: --at is missing\nhint: --at 01:20 (minutes:seconds of simulated time)\nusage: paperfleet rewind --at TIME [OPTIONS]\n',
  ],
  [
    'ps --url localhost',
    'paperfleet ps: "localhost" is no URL of a cluster\nhint: it looks like http://127.0.0.1:7070\nusage: paperfleet ps [SERVICE] [OPTIONS]\n',
  ],
])('wrong usage: %s', async (line, err) => {
  expect(await paperfleet(line)).toEqual({ code: 2, out: '', err });
});

test('colour only on a terminal, and not when it is unwanted', async () => {
  expect((await paperfleet('scale --help', { terminal: true })).out).toContain('\u001b[1m');
  expect((await paperfleet('scale --help', { terminal: true, env: { NO_COLOR: '1' } })).out).not.toContain('\u001b');
  expect((await paperfleet('scale --help', { terminal: true, env: { TERM: 'dumb' } })).out).not.toContain('\u001b');
  expect((await paperfleet('scale --help')).out).not.toContain('\u001b');
});

test.each([
  ['01:20', 80_000_000],
  ['1:02:03.5', 3_723_500_000],
  ['80', 80_000_000],
  ['80s', 80_000_000],
  ['1500ms', 1_500_000],
  ['2m', 120_000_000],
  ['1.5h', 5_400_000_000],
])('%s is an instant', (text, us) => {
  expect(parseInstant(text)).toBe(us);
});
test.each(['', 'now', '1:60', '1:70:00', '-5', '5 s', '1:2:3:4'])('"%s" is none', (text) => {
  expect(() => parseInstant(text)).toThrow(/no instant/);
});
