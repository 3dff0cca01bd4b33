/** What all machines of rows share: a row is one task, one session, one belief; its data lives elsewhere. */

/** Context of a row's actor: which row, and the facts that guards ask, as bits in the order of the machine's guards. */
export interface RowContext {
  readonly row: number;
  readonly guards: number;
}

/** A guard that reads one bit of the context. Drivers replace it by one that reads the row's present bits. */
export const guardBit =
  (index: number) =>
  ({ context }: { readonly context: RowContext }): boolean =>
    ((context.guards >> index) & 1) === 1;

/** Actions that a machine names and its user does. */
export function namedOnly<const A extends string>(names: readonly A[]): Record<A, () => void> {
  return Object.fromEntries(names.map((name) => [name, (): void => {}])) as Record<A, () => void>;
}
