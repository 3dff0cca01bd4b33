/**
 * State of a node's groups as a struct of arrays in one buffer. A row is a group; rows of removed groups are used again.
 * What few groups have (burst, cpusets, memory details, devices, pressure) stands in tables beside it.
 */
export const NONE = 0xffff_ffff;

/** Bits of `flags`. */
export const FLAG = {
  open: 1,
  /** The period timer runs. */
  active: 2,
  /** Nothing has been used since the last boundary. */
  idle: 4,
  /** The quota is used up; the group waits for a boundary. */
  throttled: 8,
  /** All children get what they want. */
  satisfied: 16,
  /** Something below has changed since the last sharing. */
  dirty: 32,
  /** Steady mode: the quota is what binds. */
  bound: 64,
  /** Steady mode: until the next boundary `pool` (micro-CPUs) is the most that it may use. */
  partial: 128,
  frozen: 256,
  burst: 512,
  /** Has had a quota: it may have counted periods. */
  limited: 1024,
  /** Has children. */
  inner: 2048,
} as const;

const FLOATS = 15;
const WORDS = 23;
/** Places in `floats` and `words` of the columns that statistics read; they stand side by side. */
export const FLOAT = { since: 0, usage: 1, memory: 2, memoryPeak: 3, throttled: 4, boundary: 5 } as const;
export const WORD = {
  flags: 0,
  rate: 1,
  usageCarry: 2,
  throttleRate: 3,
  periods: 4,
  throttledPeriods: 5,
  period: 6,
  threads: 7,
} as const;

export interface SavedColumns {
  readonly floats: Float64Array;
  readonly words: Uint32Array;
  readonly rows: number;
}

export class CgroupColumns {
  /** Rows in use end below this. */
  rows = 0;
  capacity = 0;

  /** Instant that the counters stand at, µs. */
  since!: Float64Array;
  /** CPU time, µs (rest in usageCarry). */
  usage!: Float64Array;
  /** throttled_usec of cpu.stat, µs: by the group's own quota. */
  throttled!: Float64Array;
  /** throttled_usec of cpu.stat.local, µs: by its own quota or one above. */
  throttledLocal!: Float64Array;
  /** Wanted, micro-CPUs, waiting threads included; inner groups: all leaves below. */
  demand!: Float64Array;
  /** Inner groups: what the children may use, micro-CPUs, before this group's own bounds. */
  sum!: Float64Array;
  /** Quota left in this period, ps; below 0: debt. */
  pool!: Float64Array;
  /** Next period boundary; while the timer stands still, one of its grid. */
  boundary!: Float64Array;
  /** CPU time that each thread has had, µs (rest in servedCarry), and the value at which the caller is told. */
  served!: Float64Array;
  target!: Float64Array;
  memory!: Float64Array;
  memoryPeak!: Float64Array;
  memoryMax!: Float64Array;
  /** Anonymous memory of the leaf's processes. */
  anon!: Float64Array;
  /** Instant of creation. */
  born!: Float64Array;

  usageCarry!: Uint32Array;
  servedCarry!: Uint32Array;
  /** Given, micro-CPUs. */
  rate!: Uint32Array;
  /** What the group may use now: its demand under its bounds. */
  want!: Uint32Array;
  /** Threads that run or wait. */
  threads!: Uint32Array;
  /** Threads that have a CPU to themselves. */
  dedicated!: Uint32Array;
  /** Growth of throttled and throttledLocal, µs per second. */
  throttleRate!: Uint32Array;
  localRate!: Uint32Array;
  weight!: Uint32Array;
  /** µs per period; 0: none. */
  quota!: Uint32Array;
  period!: Uint32Array;
  nrPeriods!: Uint32Array;
  nrThrottled!: Uint32Array;
  parent!: Uint32Array;
  firstChild!: Uint32Array;
  nextSibling!: Uint32Array;
  pids!: Uint32Array;
  pidsPeak!: Uint32Array;
  /** NONE: max. */
  pidsMax!: Uint32Array;
  flags!: Uint32Array;
  /** Row of the pressure table; 0: has never waited. */
  pressure!: Uint32Array;
  /** CPUs that it may use. */
  width!: Uint32Array;
  /** Part of the time in which a quota of its own or above keeps it from running, millionths. */
  halted!: Uint32Array;

  /**
   * All columns one after the other, `capacity` rows each, in the order of FLOAT and WORD. For loops over many nodes: they
   * touch two arrays a node instead of one a column.
   */
  floats: Float64Array = new Float64Array(0);
  words: Uint32Array = new Uint32Array(0);

  constructor(saved?: SavedColumns) {
    if (saved === undefined) {
      this.#allocate(2);
      return;
    }
    this.rows = saved.rows;
    this.#allocate(Math.max(2, saved.rows));
    spread(saved.floats, this.floats, saved.rows, this.capacity, FLOATS);
    spread(saved.words, this.words, saved.rows, this.capacity, WORDS);
  }

  /** Bytes of typed arrays. */
  get bytes(): number {
    return this.floats.byteLength + this.words.byteLength;
  }

  reserve(rows: number): void {
    if (rows <= this.capacity) return;
    const floats = this.floats;
    const words = this.words;
    const old = this.capacity;
    // By a sixteenth: containers come and go, and most nodes hold few.
    this.#allocate(Math.max(rows, Math.ceil(old * 1.0625) + 2));
    spread(floats, this.floats, old, this.capacity, FLOATS);
    spread(words, this.words, old, this.capacity, WORDS);
  }

  /** All columns of a row are 0 again. */
  clear(row: number): void {
    for (let k = 0; k < FLOATS; k++) this.floats[k * this.capacity + row] = 0;
    for (let k = 0; k < WORDS; k++) this.words[k * this.capacity + row] = 0;
  }

  save(): SavedColumns {
    const floats = new Float64Array(this.rows * FLOATS);
    const words = new Uint32Array(this.rows * WORDS);
    spread(this.floats, floats, this.capacity, this.rows, FLOATS);
    spread(this.words, words, this.capacity, this.rows, WORDS);
    return { floats, words, rows: this.rows };
  }

  #allocate(capacity: number): void {
    const buffer = new ArrayBuffer(capacity * (FLOATS * 8 + WORDS * 4));
    this.capacity = capacity;
    this.floats = new Float64Array(buffer, 0, capacity * FLOATS);
    this.words = new Uint32Array(buffer, capacity * FLOATS * 8, capacity * WORDS);
    let k = 0;
    const float = (): Float64Array => this.floats.subarray(k * capacity, ++k * capacity);
    this.since = float();
    this.usage = float();
    this.memory = float();
    this.memoryPeak = float();
    this.throttled = float();
    this.boundary = float();
    this.throttledLocal = float();
    this.demand = float();
    this.sum = float();
    this.pool = float();
    this.served = float();
    this.target = float();
    this.memoryMax = float();
    this.anon = float();
    this.born = float();
    k = 0;
    const word = (): Uint32Array => this.words.subarray(k * capacity, ++k * capacity);
    this.flags = word();
    this.rate = word();
    this.usageCarry = word();
    this.throttleRate = word();
    this.nrPeriods = word();
    this.nrThrottled = word();
    this.period = word();
    this.threads = word();
    this.servedCarry = word();
    this.want = word();
    this.dedicated = word();
    this.localRate = word();
    this.weight = word();
    this.quota = word();
    this.parent = word();
    this.firstChild = word();
    this.nextSibling = word();
    this.pids = word();
    this.pidsPeak = word();
    this.pidsMax = word();
    this.pressure = word();
    this.width = word();
    this.halted = word();
  }
}

/** Copies columns between buffers of different capacity. */
function spread(from: Float64Array | Uint32Array, to: Float64Array | Uint32Array, fromRows: number, toRows: number, columns: number): void {
  const rows = Math.min(fromRows, toRows);
  for (let k = 0; k < columns; k++) to.set(from.subarray(k * fromRows, k * fromRows + rows), k * toRows);
}
