/**
 * `.env` and `env_file` syntax as Compose reads it: NAME=value or NAME: value, `export` allowed, # comments, 'literal' and
 * "expanded" quotes over several lines, $VAR and ${VAR…} in unquoted and double-quoted values.
 */
import { interpolate, type Lookup } from './interpolate.ts';

export interface DotEnvError {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export interface DotEnv {
  /** In the order of the file. */
  readonly variables: ReadonlyMap<string, string>;
  readonly errors: readonly DotEnvError[];
}

const SPACE = /[\t\v\f\r \u0085\u00a0]*/y;
const KEY = /(?:export[\t ]+)?([\p{L}\p{N}_.\-[\]]+)[\t ]*(=|:|\r?\n|$)/uy;
const ESCAPE = /\\([abcfnrtv$"\\]|0\d{0,3})/g;
const ESCAPED: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  c: '\\c',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  $: '$$',
  '"': '"',
  '\\': '\\',
};

/** Reads a file's text. `lookup` finds variables that stand in no earlier line. */
export function parseDotEnv(text: string, lookup: Lookup): DotEnv {
  const variables = new Map<string, string>();
  const errors: DotEnvError[] = [];
  const find: Lookup = (name) => lookup(name) ?? variables.get(name);
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const lineOf = (offset: number): number => text.slice(0, offset).split('\n').length;
  const endOfLine = (from: number): number => (text.indexOf('\n', from) < 0 ? text.length : text.indexOf('\n', from));
  const expand = (value: string, offset: number): string => {
    const result = interpolate(value, find);
    if (result.ok) return result.value;
    errors.push({ line: lineOf(offset), message: result.message });
    return '';
  };
  while (at < text.length) {
    at = skip(SPACE, text, at);
    if (text[at] === '\n') {
      at++;
      continue;
    }
    if (at >= text.length) break;
    if (text[at] === '#') {
      at = endOfLine(at);
      continue;
    }
    KEY.lastIndex = at;
    const key = KEY.exec(text);
    if (key === null) {
      errors.push({ line: lineOf(at), message: `'${text.slice(at, endOfLine(at)).trim()}' is no NAME=value` });
      at = endOfLine(at);
      continue;
    }
    const name = key[1]!;
    if (key[2] !== '=' && key[2] !== ':') {
      const inherited = lookup(name);
      if (inherited !== undefined) variables.set(name, inherited);
      at = KEY.lastIndex;
      continue;
    }
    const start = skip(SPACE, text, KEY.lastIndex);
    const quote = text[start];
    if (quote !== '"' && quote !== "'") {
      const end = endOfLine(start);
      variables.set(name, expand(unquoted(text.slice(start, end)), start));
      at = end;
      continue;
    }
    const close = closingQuote(text, start, quote);
    if (close < 0) {
      errors.push({ line: lineOf(start), message: `the quote ${quote} of ${name} is never closed` });
      break;
    }
    const raw = text.slice(start + 1, close).replaceAll(`\\${quote}`, quote);
    variables.set(name, quote === "'" ? raw : expand(raw.replace(ESCAPE, unescape), start));
    at = endOfLine(close + 1);
  }
  return { variables, errors };
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  pattern.exec(text);
  return Math.max(at, pattern.lastIndex);
}

/** A value up to a comment (` #`), trimmed. */
function unquoted(text: string): string {
  const comment = text.startsWith('#') ? 0 : text.indexOf(' #');
  return (comment < 0 ? text : text.slice(0, comment)).trim();
}

function closingQuote(text: string, open: number, quote: string): number {
  for (let index = open + 1; index < text.length; index++) {
    if (text[index] === '\\') index++;
    else if (text[index] === quote) return index;
  }
  return -1;
}

function unescape(whole: string, letter: string): string {
  if (letter.startsWith('0')) return String.fromCharCode(Number.parseInt(letter, 8));
  return ESCAPED[letter] ?? whole;
}
