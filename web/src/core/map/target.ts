/** What a person points at, chose or searches for. */
export interface MapTarget {
  readonly node: string;
  /** Task id; absent between cells. */
  readonly task?: string;
}
