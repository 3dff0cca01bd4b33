import { TASK_STATE } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { Fixture, SECOND } from './testing/fixture.ts';

describe('the control plane with agents', () => {
  test('a service comes up, scales up and down, and goes', () => {
    const fixture = new Fixture({ obedient: true });
    for (const name of ['n1', 'n2', 'n3']) fixture.join(name);
    fixture.run(SECOND);
    expect([...fixture.store.nodes.values()].map((node) => node.status)).toEqual(['ready', 'ready', 'ready']);
    fixture.create({ replicas: 6 });
    fixture.run(2 * SECOND);
    expect(fixture.shape()).toEqual([1, 2, 3, 4, 5, 6].map((slot) => `${slot} running/running`));
    for (const name of ['n1', 'n2', 'n3']) expect(fixture.store.tasksOfNode(fixture.node(name).id)).toHaveLength(2);
    fixture.command({ do: 'scale', service: 'web', replicas: 9 });
    fixture.run(2 * SECOND);
    expect(fixture.wanted().filter((task) => task.state === TASK_STATE.running)).toHaveLength(9);
    fixture.command({ do: 'scale', service: 'web', replicas: 2 });
    fixture.run(2 * SECOND);
    expect(fixture.tasks()).toHaveLength(2);
    fixture.command({ do: 'removeService', service: 'web' });
    fixture.run(2 * SECOND);
    expect(fixture.tasks()).toHaveLength(0);
    expect(fixture.probe('n1').tasks).toHaveLength(0);
  });

  test('a crash is noticed by heartbeats, its tasks run elsewhere, and why leads back to the fault', () => {
    const fixture = new Fixture({ obedient: true });
    for (const name of ['n1', 'n2']) fixture.join(name);
    fixture.run(SECOND);
    fixture.create({ replicas: 4 });
    fixture.run(2 * SECOND);
    const { party } = fixture.node('n1');
    fixture.input({ kind: 'fault', parties: [party], label: 'power cut', fault: { fault: 'crash' } }, [1 as never, party]);
    expect(fixture.node('n1')).toMatchObject({ status: 'ready', truth: 'crashed' });
    fixture.run(30 * SECOND);
    expect(fixture.node('n1')).toMatchObject({ status: 'down', statusMessage: 'heartbeat failure' });
    const running = fixture.wanted().filter((task) => task.state === TASK_STATE.running);
    expect(running.map((task) => task.nodeId)).toEqual(new Array(4).fill(fixture.node('n2').id));
    const { events } = fixture.manager;
    const moved = running.find((task) => events.get(task.cause)?.kind === 'task.running' && task.row >= 4);
    const kinds: string[] = [];
    for (let id = moved?.cause ?? 0; id !== 0; id = events.get(id)?.cause ?? 0) kinds.push(events.get(id)?.kind ?? '?');
    expect(kinds).toEqual(['task.running', 'task.assigned', 'task.created', 'task.restarting', 'node.down', 'fault.crash']);
  });
});
