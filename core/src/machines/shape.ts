/** The structure of a flat machine as plain data: what compiler, diagrams and tests read of XState's objects. */
import type { AnyStateMachine } from 'xstate';

/** An action as a machine holds it: its name, an object with it, or a function (XState's own have a type, inline ones none). */
export type ActionShape = string | { readonly type: string } | (((...args: never) => unknown) & { readonly type?: string });

export interface TransitionShape {
  readonly eventType: string;
  readonly guard?: unknown;
  readonly target?: readonly { readonly key: string }[] | undefined;
  readonly actions: readonly ActionShape[];
  readonly reenter?: boolean;
}

export interface StateShape {
  readonly key: string;
  readonly type: string;
  readonly invoke: readonly unknown[];
  readonly always?: readonly unknown[];
  readonly entry: readonly ActionShape[];
  readonly exit: readonly ActionShape[];
  readonly transitions: ReadonlyMap<string, readonly TransitionShape[]>;
  readonly after: readonly { readonly delay: unknown; readonly eventType: string }[];
}

/** Top-level states in the order of their definition. */
export const statesOf = (machine: AnyStateMachine): readonly StateShape[] => Object.values(machine.root.states);

/** The name of the state that a machine starts in. */
export const initialOf = (machine: AnyStateMachine): string => machine.root.initial.target[0]!.key;

/** One transition of a machine, for reading. */
export interface MachineTransition {
  readonly from: string;
  /** Name of the event; for a delayed transition `after NAME`. */
  readonly event: string;
  readonly guard: string | undefined;
  /** Undefined when the machine stays where it is, without leaving and entering again. */
  readonly to: string | undefined;
  readonly actions: readonly string[];
}

const actionName = (action: ActionShape): string => (typeof action === 'string' ? action : (action.type ?? '(inline)'));

/** Actions on entering each state, for states that have some. XState's own, which arm timers, are left out. */
export function entryActionsOf(machine: AnyStateMachine): readonly { readonly state: string; readonly actions: readonly string[] }[] {
  return statesOf(machine)
    .map(({ key, entry }) => ({ state: key, actions: entry.map(actionName).filter((name) => !name.startsWith('xstate.')) }))
    .filter(({ actions }) => actions.length > 0);
}

/**
 * All transitions in order of definition, candidates for the same event in the order in which they are tried. Those that
 * do nothing (an event shut out) are left out.
 */
export function transitionsOf(machine: AnyStateMachine): readonly MachineTransition[] {
  return statesOf(machine)
    .flatMap((state) =>
      [...state.transitions].flatMap(([event, candidates]) => {
        const delayed = state.after.find(({ eventType }) => eventType === event);
        return candidates.map(({ guard, target, actions }) => ({
          from: state.key,
          event: delayed === undefined ? event : `after ${String(delayed.delay)}`,
          guard: typeof guard === 'string' ? guard : undefined,
          to: target?.[0]?.key,
          actions: actions.map(actionName),
        }));
      }),
    )
    .filter(({ to, actions }) => to !== undefined || actions.length > 0);
}
