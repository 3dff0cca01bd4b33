/** Diagrams and tables of machines for the documentation. */
import type { AnyStateMachine } from 'xstate';
import type { MachineTable } from './compile.ts';
import type { MachineTransition } from './shape.ts';
import { initialOf, statesOf, transitionsOf } from './shape.ts';

/** State names are words; Mermaid reads some words as its own (`end`), so that every state gets an id besides. */
const stateId = (name: string): string => `s_${name.replace(/\W/g, '_')}`;

const labelOf = ({ event, guard }: MachineTransition): string => (guard === undefined ? event : `${event} [${guard}]`);

/** A Mermaid state diagram; events that lead the same way share an arrow, terminal states lead to the end. */
export function mermaidOf(machine: AnyStateMachine): string {
  const transitions = transitionsOf(machine);
  const arrows = new Map<string, string[]>();
  for (const transition of transitions) {
    const arrow = `${stateId(transition.from)} --> ${stateId(transition.to ?? transition.from)}`;
    arrows.set(arrow, [...(arrows.get(arrow) ?? []), labelOf(transition)]);
  }
  const states = statesOf(machine).map(({ key }) => key);
  return [
    'stateDiagram-v2',
    ...states.map((name) => `  state "${name}" as ${stateId(name)}`),
    `  [*] --> ${stateId(initialOf(machine))}`,
    ...[...arrows].map(([arrow, labels]) => `  ${arrow} : ${labels.join(', ')}`),
    ...states.filter((name) => transitions.every(({ from }) => from !== name)).map((name) => `  ${stateId(name)} --> [*]`),
    '',
  ].join('\n');
}

/** A Markdown table of the transitions; `owner` names who causes an event, where that is fixed. */
export function transitionTable(machine: AnyStateMachine, owner?: (event: string) => string): string {
  const head = ['from', 'event', 'guard', 'to', 'actions', ...(owner === undefined ? [] : ['owner'])];
  const rows = transitionsOf(machine).map(({ from, event, guard, to, actions }) => {
    const cells = [from, event, guard ?? '', to ?? '(stays)', actions.join(', ')];
    return owner === undefined ? cells : cells.concat(owner(event));
  });
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n');
}

/** How large a compiled table is, in a phrase. */
export function tableSize({ states, events, guards, timers, effects, next }: MachineTable): string {
  const counts: readonly (readonly [number, string])[] = [
    [states.length, 'state'],
    [events.length, 'event'],
    [guards.length, 'guard'],
    [timers.length, 'timer'],
    [next.length, 'cell'],
    [effects.length - 1, 'effect list'],
  ];
  return counts.map(([count, noun]) => `${count} ${noun}${count === 1 ? '' : 's'}`).join(', ');
}
