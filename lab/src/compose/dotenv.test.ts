import { describe, expect, test } from 'vitest';
import { parseDotEnv } from './dotenv.ts';

const parse = (text: string): Record<string, string> => {
  const { variables, errors } = parseDotEnv(text, (name) => ({ SHELL_VAR: 'from shell' })[name]);
  expect(errors).toEqual([]);
  return Object.fromEntries(variables);
};

describe('.env', () => {
  test.each<[string, string, Record<string, string>]>([
    ['plain', 'A=1\nB=two words\n', { A: '1', B: 'two words' }],
    ['YAML style, export and spaces', 'A: 1\nexport B=2\n  C = 3  ', { A: '1', B: '2', C: '3' }],
    ['comments and blank lines', '# one\n\nA=1 # end\n  # two\nB=x#y\nC=# all', { A: '1', B: 'x#y', C: '' }],
    ['windows line ends', 'A=1\r\nB="2"\r\n', { A: '1', B: '2' }],
    ['byte order mark', '\uFEFFA=1', { A: '1' }],
    ['empty value', 'A=\nB=""\nC=\'\'\nD=x', { A: '', B: '', C: '', D: 'x' }],
    ['single quotes are literal', "A='$SHELL_VAR \\n # x'", { A: '$SHELL_VAR \\n # x' }],
    ['double quotes expand', 'A="x\\ty\\n$SHELL_VAR \\$HOME"', { A: 'x\ty\nfrom shell $HOME' }],
    ['quotes inside quotes', 'A="say \\"hi\\""\nB=\'it\\\'s\'', { A: 'say "hi"', B: "it's" }],
    ['several lines', 'A="one\ntwo"\nB=\'x\n y\'\nC=3', { A: 'one\ntwo', B: 'x\n y', C: '3' }],
    ['text after the quote is dropped', 'A="1" # comment\nB=2', { A: '1', B: '2' }],
    ['earlier lines and the shell', 'A=1\nB=${A}2\nC=${SHELL_VAR}-$A\nD=${NOPE:-d}', { A: '1', B: '12', C: 'from shell-1', D: 'd' }],
    ['a name alone takes the shell’s value', 'SHELL_VAR\nNOPE\nA=1', { SHELL_VAR: 'from shell', A: '1' }],
    ['an equals sign in the value', 'A=b=c==', { A: 'b=c==' }],
    ['later lines win', 'A=1\nA=2', { A: '2' }],
    ['a JSON value', 'A={"k": "v"}', { A: '{"k": "v"}' }],
  ])('%s', (_, text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  test.each([
    ['A=1\n=2', 2, "'=2' is no NAME=value"],
    ['A=1\n\nB="open\nC=3', 3, 'the quote " of B is never closed'],
    ['A=${X', 1, "no closing brace in '${X'"],
  ])('%j is refused with its line', (text, line, message) => {
    expect(parseDotEnv(text, () => undefined).errors).toEqual([{ line, message }]);
  });
});
