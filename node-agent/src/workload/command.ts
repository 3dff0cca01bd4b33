/**
 * What a one-shot image (a shell, a tool) does with a command: enough of common usage that real Compose files behave as
 * people expect. A command that is not understood is taken for a program that keeps running.
 */
import { readDuration } from './quantity.ts';

export interface CommandBehaviour {
  /** µs until it ends; undefined: it runs until it is stopped. */
  readonly exitAfterUs: number | undefined;
  readonly exitCode: number;
  /** CPU while it runs, nano-CPUs. */
  readonly cpuNano: number;
}

const QUICK_US = 30_000;
const ends = (exitCode: number, exitAfterUs: number = QUICK_US): CommandBehaviour => ({ exitAfterUs, exitCode, cpuNano: 0 });
const runs = (cpuNano: number): CommandBehaviour => ({ exitAfterUs: undefined, exitCode: 0, cpuNano });
const ONE_CORE = 1_000_000_000;

const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash', 'ash', 'dash', '/bin/sh', '/bin/bash', '/bin/ash']);
const QUICK: ReadonlySet<string> = new Set(
  'echo true : ls cat date env printenv hostname id uname whoami pwd test printf mkdir touch cp mv rm chmod chown ln export set wget curl'.split(
    ' ',
  ),
);

/** @param words – entry point and arguments; none: the image's default, a shell without a terminal, which ends at once. */
export function interpretCommand(words: readonly string[]): CommandBehaviour {
  const program = words[0];
  if (program === undefined) return ends(0, 0);
  if (!SHELLS.has(program)) return interpretProgram(words);
  const script = words.findIndex((word) => /^-[a-z]*c$/.test(word));
  const text = script < 0 ? undefined : words[script + 1];
  if (text === undefined) return words.length === 1 ? ends(0, 0) : runs(0);
  if (/\b(while|until|for)\b|tail -f|&\s*$/.test(text)) return runs(/while (true|:);?\s*do\s*(:|true)?;?\s*done/.test(text) ? ONE_CORE : 0);
  return sequence(
    text
      .split(/;|&&|\n/)
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );
}

/** Commands one after the other, until one does not end or fails. */
function sequence(parts: readonly string[]): CommandBehaviour {
  let elapsedUs = 0;
  let last: CommandBehaviour = ends(0, 0);
  for (const part of parts) {
    const words = part.split(/\s+/);
    last = interpretProgram(words[0] === 'exec' ? words.slice(1) : words);
    if (last.exitAfterUs === undefined) return last;
    elapsedUs += last.exitAfterUs;
    if (words[0] === 'exit') break;
  }
  return { ...last, exitAfterUs: elapsedUs };
}

function interpretProgram(words: readonly string[]): CommandBehaviour {
  const program = (words[0] ?? '').split('/').at(-1)!;
  if (program === 'sleep') {
    const amount = words[1] ?? '';
    const span = readDuration(/^\d+(\.\d+)?$/.test(amount) ? Number(amount) : amount);
    return span === undefined ? runs(0) : ends(0, span);
  }
  if (program === 'exit') return ends(/^\d+$/.test(words[1] ?? '') ? Number(words[1]) % 256 : 0, 0);
  if (program === 'false') return ends(1);
  if (QUICK.has(program)) return ends(0);
  if (program === 'yes' || program === 'stress' || program === 'stress-ng' || program === 'md5sum') return runs(ONE_CORE);
  return runs(0);
}
