/**
 * The next instants of a node's groups: a binary heap of rows, ordered by (instant, row), in which a row stands at most
 * once and can be moved. Instants are whole µs; Infinity means none.
 */
export class EventHeap {
  /** Rows in heap order. */
  #rows: number[] = [];
  /** Instant per row; Infinity when it is not in the heap. */
  #due: Float64Array = new Float64Array(0);
  /** Place in `#rows` plus one; 0 when it is not in the heap. */
  #place: Int32Array = new Int32Array(0);

  /** Earliest instant, Infinity when there is none. */
  get next(): number {
    return this.#rows.length === 0 ? Infinity : this.#due[this.#rows[0]!]!;
  }

  /** The row that is due first. Call only when `next` is finite. */
  get first(): number {
    return this.#rows[0]!;
  }

  get bytes(): number {
    return this.#due.byteLength + this.#place.byteLength;
  }

  /** Makes room for a row; a node without events needs none. */
  #reserve(row: number): void {
    const rows = Math.ceil(row * 1.0625) + 2;
    const due = new Float64Array(rows).fill(Infinity);
    due.set(this.#due);
    this.#due = due;
    const place = new Int32Array(rows);
    place.set(this.#place);
    this.#place = place;
  }

  /** Sets a row's instant; Infinity takes it out. */
  set(row: number, at: number): void {
    const old = this.#due[row] ?? Infinity;
    if (old === at) return;
    if (row >= this.#due.length) this.#reserve(row);
    this.#due[row] = at;
    const place = this.#place[row]! - 1;
    if (at === Infinity) this.#remove(place);
    else if (place < 0) {
      this.#rows.push(row);
      this.#rise(this.#rows.length - 1, row);
    } else if (at < old) this.#rise(place, row);
    else this.#sink(place, row);
  }

  /** Rows and instants in heap order, for save and restore. */
  save(): readonly (readonly [number, number])[] {
    return this.#rows.map((row) => [row, this.#due[row]!]);
  }

  #before(a: number, b: number): boolean {
    const difference = this.#due[a]! - this.#due[b]!;
    return difference < 0 || (difference === 0 && a < b);
  }

  #put(place: number, row: number): void {
    this.#rows[place] = row;
    this.#place[row] = place + 1;
  }

  #rise(from: number, row: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const other = this.#rows[parent]!;
      if (!this.#before(row, other)) break;
      this.#put(place, other);
      place = parent;
    }
    this.#put(place, row);
  }

  #sink(from: number, row: number): void {
    const count = this.#rows.length;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= count) break;
      if (child + 1 < count && this.#before(this.#rows[child + 1]!, this.#rows[child]!)) child++;
      const other = this.#rows[child]!;
      if (!this.#before(other, row)) break;
      this.#put(place, other);
      place = child;
    }
    this.#put(place, row);
  }

  #remove(place: number): void {
    this.#place[this.#rows[place]!] = 0;
    const last = this.#rows.pop()!;
    if (place === this.#rows.length) return;
    this.#rise(place, last);
    this.#sink(this.#place[last]! - 1, last);
  }
}
