/** Help texts, all made from the command table. */
import type { Command, OptionSpec } from './command.ts';
import { optionsOf } from './parse.ts';
import type { Style } from './style.ts';

/** Groups of commands, in the order of the help. */
export const GROUPS: readonly (readonly [Command['group'], string])[] = [
  ['cluster', 'Run a cluster'],
  ['observe', 'Look'],
  ['change', 'Change what runs'],
  ['disturb', 'Disturb'],
  ['time', 'Control time'],
  ['files', 'Files'],
];

/** Lines of two columns. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

/** `paperfleet --help`. */
export function generalHelp(commands: readonly Command[], style: Style): string {
  const lines = [
    'A container-orchestration simulator: live and reproducible clusters.',
    '',
    `${style.bold('Usage:')} paperfleet COMMAND [OPTIONS]`,
  ];
  for (const [group, title] of GROUPS) {
    const rows = commands.filter((command) => command.group === group).map(({ name, summary }) => [name, summary] as const);
    if (rows.length > 0) lines.push('', style.bold(`${title}:`), ...columns(rows));
  }
  return [
    ...lines,
    '',
    style.bold('Options:'),
    ...columns([
      ['-h, --help', 'Show this help; after a command, that of the command'],
      ['--version', 'Show the version'],
    ]),
    '',
    'Every command takes --json and --help. `paperfleet COMMAND --help` shows examples.',
  ].join('\n');
}

function optionRow({ name, short, value, summary, multiple, default: byDefault }: OptionSpec): readonly [string, string] {
  const left = `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
  return [left, `${summary}${multiple === true ? ' (may be repeated)' : ''}${byDefault === undefined ? '' : ` [default: ${byDefault}]`}`];
}

/** The usage line of a command. */
export const usageLine = ({ name, usage }: Command): string => `paperfleet ${name}${usage === '' ? '' : ` ${usage}`} [OPTIONS]`;

/** `paperfleet COMMAND --help`. */
export function commandHelp(command: Command, style: Style): string {
  const examples = command.examples.flatMap((example) => [`  ${style.dim(`# ${example.comment}`)}`, `  ${example.command}`]);
  return [
    command.summary,
    ...(command.description === undefined ? [] : ['', command.description]),
    '',
    `${style.bold('Usage:')} ${usageLine(command)}`,
    ...(command.aliases === undefined ? [] : ['', `${style.bold('Aliases:')} ${command.aliases.join(', ')}`]),
    '',
    style.bold('Examples:'),
    ...examples,
    '',
    style.bold('Options:'),
    ...columns(optionsOf(command).map(optionRow)),
  ].join('\n');
}
