/**
 * Variable substitution as the Compose Specification has it: $VAR, ${VAR}, ${VAR:-default}, ${VAR-default}, ${VAR:?message},
 * ${VAR?message}, ${VAR:+other}, ${VAR+other}, nested to any depth in the part after the operator; $$ is a dollar sign.
 */

/** A variable's value; undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

export type Interpolation =
  /** `unset` lists variables that were replaced by nothing because they have no value. */
  | { readonly ok: true; readonly value: string; readonly unset: readonly string[] }
  | { readonly ok: false; readonly message: string; readonly hint: string };

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const OPERATOR = /:?[-?+]/y;

/** Replaces the variables in a text. */
export function interpolate(text: string, lookup: Lookup): Interpolation {
  if (!text.includes('$')) return { ok: true, value: text, unset: [] };
  const unset: string[] = [];
  try {
    return { ok: true, value: substitute(text, lookup, unset), unset };
  } catch (error) {
    if (error instanceof TemplateError) return { ok: false, message: error.message, hint: error.hint };
    throw error;
  }
}

class TemplateError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

function substitute(text: string, lookup: Lookup, unset: string[]): string {
  let result = '';
  let at = 0;
  for (;;) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0) return result + text.slice(at);
    result += text.slice(at, dollar);
    if (text[dollar + 1] === '$') {
      result += '$';
      at = dollar + 2;
    } else if (text[dollar + 1] === '{') {
      const close = closingBrace(text, dollar + 1);
      if (close < 0)
        throw new TemplateError(`no closing brace in '${text.slice(dollar)}'`, 'close it with }, or write $${ for a literal ${');
      result += braced(text.slice(dollar + 2, close), lookup, unset);
      at = close + 1;
    } else {
      // A dollar sign before anything else, as in $(date) or $5, stands for itself.
      const name = match(NAME, text, dollar + 1);
      result += name === '' ? '$' : plain(name, lookup, unset);
      at = dollar + 1 + name.length;
    }
  }
}

/** Index of the brace that closes the one at `open`, pairs inside skipped ('${A:-{}}'), else the first one; -1 when there is none. */
function closingBrace(text: string, open: number): number {
  let depth = 0;
  for (let index = open; index < text.length; index++) {
    if (text[index] === '{') depth++;
    else if (text[index] === '}' && --depth === 0) return index;
  }
  return text.indexOf('}', open);
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function plain(name: string, lookup: Lookup, unset: string[]): string {
  const value = lookup(name);
  if (value === undefined && !unset.includes(name)) unset.push(name);
  return value ?? '';
}

function braced(inner: string, lookup: Lookup, unset: string[]): string {
  const name = match(NAME, inner, 0);
  if (name === '')
    throw new TemplateError(
      `'\${${inner}}' names no variable`,
      'a name is letters, digits and _, e.g. ${PORT:-8080}; write $$ for a dollar sign',
    );
  if (inner.length === name.length) return plain(name, lookup, unset);
  const operator = match(OPERATOR, inner, name.length);
  if (operator === '') {
    throw new TemplateError(
      `'\${${inner}}' is no valid substitution`,
      'after the name there may be :- - :? ? :+ or +; write $$ for a dollar sign',
    );
  }
  const rest = inner.slice(name.length + operator.length);
  const value = lookup(name);
  const has = value !== undefined && (operator.length === 1 || value !== '');
  switch (operator.at(-1)) {
    case '-':
      return has ? value : substitute(rest, lookup, unset);
    case '+':
      return has ? substitute(rest, lookup, unset) : '';
    default: {
      if (has) return value;
      const reason = substitute(rest, lookup, unset);
      throw new TemplateError(
        `required variable ${name} is ${value === undefined ? 'not set' : 'empty'}${reason === '' ? '' : `: ${reason}`}`,
        `set ${name} in the environment or in .env`,
      );
    }
  }
}
