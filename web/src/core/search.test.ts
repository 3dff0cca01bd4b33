import { expect, test } from 'vitest';
import { matches, parseQuery } from './search.ts';

const task = { name: 'shop_web.3', service: 'shop_web', node: 'n12', state: 'running', zone: 'a', image: 'nginx:1.27' };
const found = (text: string): boolean => matches(parseQuery(text), task);

test('all parts must hold, in any case', () => {
  expect(found('')).toBe(true);
  expect(found('WEB n12')).toBe(true);
  expect(found('web n13')).toBe(false);
});

test('a prefix narrows to one field', () => {
  expect(found('svc:web state:running zone:a img:nginx')).toBe(true);
  expect(found('svc:n12')).toBe(false);
  expect(found('state:oom')).toBe(false);
});

test('an unknown prefix is text, and an empty field narrows nothing', () => {
  expect(found('foo:bar')).toBe(false);
  expect(found('node:')).toBe(true);
});
