/**
 * Metrics history as one column of numbers per instant: a ring of fine samples (one a second for ten minutes) and a ring of
 * coarse ones (minimum, average, maximum and last of ten, for two hours). Single precision keeps 5,000 nodes under 150 MB.
 */
import { KNOBS } from '../knobs.ts';

/** A bucketed series; null where there is no sample. */
export interface Buckets {
  readonly min: (number | null)[];
  readonly avg: (number | null)[];
  readonly max: (number | null)[];
  readonly last: (number | null)[];
}

interface Column {
  /** Number of the second the column describes. */
  tick: number;
  /** By row; NaN is no sample. */
  values: Float32Array;
}

/** Four columns in one: min, avg, max, last, each `rows` long. */
type CoarseColumn = Column;

export interface SavedHistory {
  readonly fine: readonly { readonly tick: number; readonly values: Float32Array }[];
  readonly coarse: readonly { readonly tick: number; readonly values: Float32Array }[];
}

/** Figures per coarse sample. */
const FIGURES = 4;

/** One measured quantity of all nodes, or of all services, over time. */
export class History {
  readonly #fine: (Column | undefined)[] = new Array<undefined>(KNOBS.fineSamples).fill(undefined);
  readonly #coarse: (CoarseColumn | undefined)[] = new Array<undefined>(KNOBS.coarseSamples).fill(undefined);

  constructor(saved?: SavedHistory) {
    for (const { tick, values } of saved?.fine ?? []) this.#fine[tick % KNOBS.fineSamples] = { tick, values: values.slice() };
    for (const { tick, values } of saved?.coarse ?? []) this.#coarse[tick % KNOBS.coarseSamples] = { tick, values: values.slice() };
  }

  save(): SavedHistory {
    const copy = (columns: readonly (Column | undefined)[]): Column[] =>
      columns.filter((column) => column !== undefined).map(({ tick, values }) => ({ tick, values: values.slice() }));
    return { fine: copy(this.#fine), coarse: copy(this.#coarse) };
  }

  /** Bytes held. */
  get byteLength(): number {
    const sum = (columns: readonly (Column | undefined)[]): number =>
      columns.reduce((bytes, column) => bytes + (column?.values.byteLength ?? 0), 0);
    return sum(this.#fine) + sum(this.#coarse);
  }

  /** Adds the sample of second `tick`; `read(row)` gives NaN where there is none. Every tenth closes a coarse sample. */
  sample(tick: number, rows: number, read: (row: number) => number): void {
    const slot = tick % KNOBS.fineSamples;
    const old = this.#fine[slot];
    const values = old?.values.length === rows ? old.values : new Float32Array(rows);
    for (let row = 0; row < rows; row++) values[row] = read(row);
    this.#fine[slot] = { tick, values };
    if ((tick + 1) % KNOBS.coarseFactor === 0) this.#close(tick, rows);
  }

  #close(tick: number, rows: number): void {
    const coarse = new Float32Array(rows * FIGURES).fill(Number.NaN);
    const columns: Column[] = [];
    for (let at = tick - KNOBS.coarseFactor + 1; at <= tick; at++) {
      const column = at < 0 ? undefined : this.#fine[at % KNOBS.fineSamples];
      if (column?.tick === at) columns.push(column);
    }
    for (let row = 0; row < rows; row++) {
      const figures = new Figures();
      for (const { values } of columns) figures.add(values[row] ?? Number.NaN);
      if (figures.count === 0) continue;
      coarse[row] = figures.min;
      coarse[rows + row] = figures.sum / figures.count;
      coarse[2 * rows + row] = figures.max;
      coarse[3 * rows + row] = figures.last;
    }
    const number = Math.floor(tick / KNOBS.coarseFactor);
    this.#coarse[number % KNOBS.coarseSamples] = { tick: number, values: coarse };
  }

  /** `buckets` buckets of `bucketUs` from `fromUs` on. Uses fine samples where they are, coarse ones before that. */
  range(row: number, fromUs: number, bucketUs: number, buckets: number): Buckets {
    const figures = Array.from({ length: buckets }, () => new Figures());
    const put = (atUs: number, take: (bucket: Figures) => void): void => {
      const bucket = figures[Math.floor((atUs - fromUs) / bucketUs)];
      if (bucket !== undefined) take(bucket);
    };
    const fine = inOrder(this.#fine);
    const oldestFine = fine[0]?.tick ?? Number.MAX_SAFE_INTEGER;
    for (const { tick, values } of inOrder(this.#coarse)) {
      if ((tick + 1) * KNOBS.coarseFactor > oldestFine) break;
      const rows = values.length / FIGURES;
      const [min, avg, max, last] = [0, 1, 2, 3].map((figure) =>
        row < rows ? (values[figure * rows + row] ?? Number.NaN) : Number.NaN,
      ) as [number, number, number, number];
      put(tick * KNOBS.coarseFactor * KNOBS.fineIntervalUs, (bucket) => bucket.merge(min, avg, max, last, KNOBS.coarseFactor));
    }
    for (const { tick, values } of fine) put(tick * KNOBS.fineIntervalUs, (bucket) => bucket.add(values[row] ?? Number.NaN));
    const column = (figure: (bucket: Figures) => number): (number | null)[] =>
      figures.map((bucket) => (bucket.count === 0 ? null : figure(bucket)));
    return {
      min: column((bucket) => bucket.min),
      avg: column((bucket) => bucket.sum / bucket.count),
      max: column((bucket) => bucket.max),
      last: column((bucket) => bucket.last),
    };
  }
}

const inOrder = (columns: readonly (Column | undefined)[]): Column[] =>
  columns.filter((column) => column !== undefined).sort((a, b) => a.tick - b.tick);

class Figures {
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  last = 0;

  add(value: number): void {
    this.merge(value, value, value, value, 1);
  }

  merge(min: number, avg: number, max: number, last: number, count: number): void {
    if (Number.isNaN(avg)) return;
    this.count += count;
    this.sum += avg * count;
    this.min = Math.min(this.min, min);
    this.max = Math.max(this.max, max);
    this.last = last;
  }
}
