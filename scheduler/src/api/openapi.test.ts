import { expect, test } from 'vitest';
import { openApiDocument } from './openapi.ts';
import { ROUTES } from './routes/routes.ts';

type Json = Record<string, unknown>;
const document = JSON.parse(JSON.stringify(openApiDocument())) as {
  readonly openapi: string;
  readonly paths: Record<
    string,
    Record<
      string,
      { readonly operationId: string; readonly parameters?: readonly { name: string; in: string }[]; readonly responses: Json }
    >
  >;
  readonly components: { readonly schemas: Record<string, Json> };
};

/** Every object in a document. */
function* objects(value: unknown): Generator<Json> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Json;
  for (const child of Object.values(value)) yield* objects(child);
}

test('every endpoint is described, once', () => {
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method} ${path}`),
  );
  const expected = ROUTES.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
  expect(described.sort()).toEqual([...expected, 'get /api/runs/{run}/live'].sort());
  const ids = Object.values(document.paths).flatMap((operations) => Object.values(operations).map(({ operationId }) => operationId));
  expect(new Set(ids).size).toBe(ids.length);
});

test('every reference leads somewhere and every component is used', () => {
  const references = [...objects(document)].map((object) => object['$ref']).filter((reference) => typeof reference === 'string');
  const names = new Set(references.map((reference) => reference.replace('#/components/schemas/', '')));
  expect([...names].sort()).toEqual(Object.keys(document.components.schemas).sort());
});

test('parameters of the path are declared', () => {
  for (const [path, operations] of Object.entries(document.paths)) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const { parameters = [] } of Object.values(operations)) {
      expect(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(inPath);
    }
  }
});

test('nothing of the schema library is left over', () => {
  for (const object of objects(document)) {
    expect(object).not.toHaveProperty('$schema');
    expect(object).not.toHaveProperty('$defs');
    expect(object).not.toHaveProperty('~standard');
  }
  expect(document.components.schemas['Command']).not.toEqual({});
  expect(document.components.schemas['Command']).not.toHaveProperty('id');
});

test('bodies are strict: no properties but those described', () => {
  const request = document.components.schemas['CommandRequest']!;
  expect(request).toMatchObject({ type: 'object', additionalProperties: false, required: ['command'] });
});
