// Tidiness that no linter checks: sizes, leftovers, places of one machine, dead links.

import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { LINES_MAX } from './import-rules.mjs';
import { isSource, read, repositoryFiles } from './sources.ts';

/** Written by others or by programs. */
const FOREIGN = /^(?:package-lock\.json|\.oxlintrc\.json|LICENSE|tests\/vectors\/|(?:.*\/)?golden\/|docs\/machines\/|docs\/api\/)/;
const TEXT = /\.(?:tsx?|mjs|cjs|js|json|md|ya?ml|html|css|sh|txt|svg|env)$|^\.ci\/run$|^\.[a-z-]+$/;

const everything = repositoryFiles();
const files = everything.filter((file) => TEXT.test(file) && !FOREIGN.test(file));
const texts = files.map((file) => ({ file, text: read(file)! }));
/** Without this file, whose patterns and examples match themselves. */
const others = texts.filter(({ file }) => file !== 'tests/architecture/tidy.test.ts');
const otherSources = others.filter(({ file }) => isSource(file));

/** Places where a pattern occurs, as `file:line`. */
function occurrences(pattern: RegExp, among: readonly { readonly file: string; readonly text: string }[]): readonly string[] {
  return among.flatMap(({ file, text }) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim().slice(0, 100)}`] : [])),
  );
}

const LEFTOVERS = /\b(?:TODO|FIXME|XXX|HACK)\b/;
const SUPPRESSED = /\b(?:it|test|describe|suite|sim)\.(?:only|skip|todo)\b|^\s*(?:xit|xdescribe|fit|fdescribe)\(['"`]/;
const UNCHECKED = /@ts-(?:nocheck|ignore)/;
const MACHINE_PATHS = /(?<![\w.\]*-])(?:\/work\/|\/root\/|\/home\/[a-z]|\/Users\/|\/tmp\/\w)|[A-Z]:\\Users/;
const REGISTRY_HOSTS = /registry\.(?:npm|yarn)|npmmirror|verdaccio|artifactory|^\s*@?[\w:/-]*registry\s*=/i;

describe('the patterns find what they are for', () => {
  const found = (pattern: RegExp, line: string): boolean => occurrences(pattern, [{ file: 'x', text: line }]).length === 1;
  test.each([
    [LEFTOVERS, '// TODO: later', 'the to-do list'],
    [SUPPRESSED, 'test.skip(', 'fits.skipped.onlyOne(test)'],
    [SUPPRESSED, 'describe.only(', 'readonly'],
    [UNCHECKED, '// @ts-ignore', '// @ts-expect-error, because'],
    [MACHINE_PATHS, 'open /home/ann/x', 'web/src/core/home/page.ts'],
    [REGISTRY_HOSTS, 'https://registry.npmjs.org/x', 'registry.example.com/team/image:1'],
  ])('%s', (pattern, bad, good) => {
    expect(found(pattern, bad)).toBe(true);
    expect(found(pattern, good)).toBe(false);
  });
});

describe('every file', () => {
  test('is at most a few screens long', () => {
    const long = texts
      .filter(({ file }) => isSource(file) || /\.(?:mjs|js|css)$/.test(file))
      .map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 }));
    expect(long.filter(({ lines }) => lines > LINES_MAX).map(({ file, lines }) => `${file}: ${lines} lines, at most ${LINES_MAX}`)).toEqual(
      [],
    );
  });

  test('ends with one line feed and has neither carriage returns nor merge markers', () => {
    const bad = texts.filter(
      ({ text }) =>
        text !== '' && (!text.endsWith('\n') || text.endsWith('\n\n') || text.includes('\r\n') || /^(?:<{7}|>{7}) /m.test(text)),
    );
    expect(bad.map(({ file }) => file)).toEqual([]);
  });

  test('has no leftovers', () => {
    expect(occurrences(LEFTOVERS, others)).toEqual([]);
  });

  test('runs all of its tests', () => {
    expect(occurrences(SUPPRESSED, otherSources)).toEqual([]);
  });

  test('is checked by the type checker', () => {
    expect(occurrences(UNCHECKED, otherSources)).toEqual([]);
  });

  test('names no path of one machine and no package registry', () => {
    expect(occurrences(MACHINE_PATHS, others)).toEqual([]);
    expect(occurrences(REGISTRY_HOSTS, others)).toEqual([]);
  });

  test('has a name of lower-case words joined by hyphens', () => {
    const exempt = /^(?:[A-Z]+\.md|LICENSE|\.[a-z-]+(?:\.json)?)$/;
    const bad = files
      .flatMap((file) => file.split('/'))
      .filter((part) => !/^\.?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(part) && !exempt.test(part));
    expect([...new Set(bad)]).toEqual([]);
  });
});

describe('documents', () => {
  const LINK = /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|<img[^>]+src="([^"]+)"/g;

  /** Links of a Markdown text to files of the repository, without code blocks. */
  function links(text: string): readonly string[] {
    const prose = text.replaceAll(/^(`{3,}|~{3,})[\s\S]*?^\1/gm, '').replaceAll(/`[^`\n]*`/g, '');
    return [...prose.matchAll(LINK)].map((match) => match[1] ?? match[2]!).filter((link) => !/^(?:[a-z]+:|#|\/\/)/i.test(link));
  }

  test('links are found', () => {
    expect(
      links(
        '[a](b.md) [c](https://x.org) ![d](e/f.png "title") `[no](no.md)` <img width=3 src="g.svg">\n```\n[no](no.md)\n```\n[h](i.md#j)',
      ),
    ).toEqual(['b.md', 'e/f.png', 'g.svg', 'i.md#j']);
  });

  test('link to files that exist', () => {
    const dead = texts
      .filter(({ file }) => file.endsWith('.md'))
      .flatMap(({ file, text }) =>
        links(text).flatMap((link) => {
          const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), decodeURI(link.split('#')[0]!)));
          return everything.some((one) => one === target || one.startsWith(`${target.replace(/\/$/, '')}/`))
            ? []
            : [`${file} links to ${link}`];
        }),
      );
    expect(dead).toEqual([]);
  });
});
