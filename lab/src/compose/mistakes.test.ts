import { expect, test } from 'vitest';
import { formatDiagnostic } from './diagnostic.ts';
import { loadCompose } from './load.ts';
import { checkWorkload } from './read-stack.ts';
import { ERRORS, WARNINGS } from './testing/mistakes.ts';

const load = (text: string): ReturnType<typeof loadCompose> =>
  loadCompose({ files: [{ path: 'p/c.yml', text }], env: {}, profiles: [], projectName: '', readFile: () => undefined, checkWorkload });

test('every mistake is told with its place and what to do', async () => {
  const sections = [
    ...ERRORS.map(([title, text]) => {
      const result = load(text);
      return [title, text, ...(result.ok ? ['LOADED'] : result.errors.map((each) => `error ${formatDiagnostic(each)}`))];
    }),
    ...WARNINGS.map(([title, text]) => {
      const result = load(text);
      return [title, text, ...(result.ok ? result.warnings.map((each) => `warning ${formatDiagnostic(each)}`) : ['NOT LOADED'])];
    }),
  ];
  const golden = sections
    .map(([title = '', text = '', ...messages]) => `# ${title}\n${text.replace(/^(?=.)/gm, '    ').trimEnd()}\n${messages.join('\n')}\n`)
    .join('\n');
  expect(golden).not.toContain('LOADED');
  await expect(golden).toMatchFileSnapshot('testing/mistakes.golden.txt');
});

test('messages of errors have a line of the file', () => {
  for (const [title, text] of ERRORS) {
    const result = load(text);
    if (result.ok) throw new Error(`${title} loaded`);
    const lines = text.split('\n').length;
    for (const { line, column } of result.errors) expect([title, line >= 1 && line <= lines && column >= 1]).toEqual([title, true]);
  }
});
