/**
 * The search box: words match names; `svc:`, `node:`, `state:`, `zone:` and `img:` narrow one field. All parts must hold.
 * Text is compared without regard to case and may be any part of the name.
 */
export interface Searched {
  readonly name: string;
  readonly service: string;
  readonly node: string;
  readonly state: string;
  readonly zone: string;
  readonly image: string;
}

type Field = Exclude<keyof Searched, 'name'>;
const FIELDS: Readonly<Record<string, Field>> = {
  svc: 'service',
  service: 'service',
  node: 'node',
  state: 'state',
  zone: 'zone',
  img: 'image',
  image: 'image',
};

export interface Query {
  readonly parts: readonly { readonly field: Field | 'any'; readonly text: string }[];
}

/** Reads a query. An unknown prefix is taken as text. */
export function parseQuery(text: string): Query {
  const parts = text
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => {
      const colon = word.indexOf(':');
      const field = colon > 0 ? FIELDS[word.slice(0, colon).toLowerCase()] : undefined;
      return field === undefined
        ? { field: 'any' as const, text: word.toLowerCase() }
        : { field, text: word.slice(colon + 1).toLowerCase() };
    })
    .filter((part) => part.text !== '');
  return { parts };
}

/** True when every part of the query is found. An empty query matches all. */
export function matches(query: Query, subject: Searched): boolean {
  return query.parts.every(({ field, text }) => {
    if (field !== 'any') return subject[field].toLowerCase().includes(text);
    return (
      subject.name.toLowerCase().includes(text) || subject.service.toLowerCase().includes(text) || subject.node.toLowerCase().includes(text)
    );
  });
}
