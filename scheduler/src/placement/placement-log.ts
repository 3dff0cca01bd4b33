/**
 * The placements of one group in task order, with the figures that decided each: integers in typed arrays, written by the
 * fill, read only when somebody asks why.
 */
const FIGURES = 8;

/** What was compared when one task was placed. */
export interface PlacementFigures {
  readonly row: number;
  readonly tasksOfService: number;
  readonly tasksTotal: number;
  /** 0 while nodes are filled to one level, then the number of the turn in which tasks are dealt out. */
  readonly turn: number;
  /** The node that was next in line; -1 when there was none. */
  readonly runnerRow: number;
  readonly runnerTasksOfService: number;
  readonly runnerTasksTotal: number;
  readonly runnerTurn: number;
  /** Leaf of the spread. */
  readonly leaf: number;
}

export class PlacementLog {
  readonly rows: Int32Array;
  placed = 0;
  readonly #figures: Int32Array;

  /** @param count – tasks in the group */
  constructor(count: number) {
    this.rows = new Int32Array(count);
    this.#figures = new Int32Array(count * FIGURES);
  }

  /** Tasks not placed yet. */
  get left(): number {
    return this.rows.length - this.placed;
  }

  /** The next task goes to `row`, in this leaf and turn. */
  add(row: number, tasksOfService: number, tasksTotal: number, turn: number, leaf: number): void {
    const at = this.placed * FIGURES;
    const figures = this.#figures;
    this.rows[this.placed++] = row;
    figures[at] = tasksOfService;
    figures[at + 1] = tasksTotal;
    figures[at + 2] = turn;
    figures[at + 3] = -1;
    figures[at + 7] = leaf;
  }

  /** Names the node that was next in line for the task added last. */
  addRunnerUp(row: number, tasksOfService: number, tasksTotal: number, turn: number): void {
    const at = (this.placed - 1) * FIGURES;
    const figures = this.#figures;
    figures[at + 3] = row;
    figures[at + 4] = tasksOfService;
    figures[at + 5] = tasksTotal;
    figures[at + 6] = turn;
  }

  figures(index: number): PlacementFigures {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.placed) {
      throw new RangeError(`task ${index} of the group was not placed: ${this.placed} were`);
    }
    const at = index * FIGURES;
    const of = (i: number): number => this.#figures[at + i] ?? 0;
    return {
      row: this.rows[index] ?? 0,
      tasksOfService: of(0),
      tasksTotal: of(1),
      turn: of(2),
      runnerRow: of(3),
      runnerTasksOfService: of(4),
      runnerTasksTotal: of(5),
      runnerTurn: of(6),
      leaf: of(7),
    };
  }
}
