import { DEFAULT_UPDATE, type UpdateConfig } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { Fixture, SECOND } from '../testing/fixture.ts';

/** Two replicas that run, and an update of one slot after the other under way: slot 1 is being replaced, slot 2 waits its turn. */
function updating(update: Partial<UpdateConfig> = {}): Fixture {
  const fixture = new Fixture();
  for (const name of ['n1', 'n2']) fixture.addNode(name);
  const settings = { ...DEFAULT_UPDATE, failureAction: 'continue' as const, ...update };
  fixture.create({ replicas: 2, update: settings });
  fixture.run(SECOND);
  fixture.runAll();
  fixture.update('web', { replicas: 2, image: 'v:2', update: settings });
  fixture.run(SECOND);
  return fixture;
}

describe('a slot whose task fails while it waits for the update', () => {
  test('is replaced once, by the restart, and not by the update as well', () => {
    const fixture = updating();
    fixture.observe(fixture.slot(2), 'failed');
    fixture.run(SECOND);
    const replacement = fixture.slot(2);
    const old = fixture.tasks().find(({ slot, state }) => slot === 1 && state === 512);
    fixture.observe(old!, 'shutdown');
    fixture.run(SECOND);
    fixture.runAll();
    fixture.run(10 * SECOND);
    expect(fixture.wanted().map(({ slot }) => slot)).toEqual([1, 2]);
    expect(fixture.slot(2).id).toBe(replacement.id);
    expect(fixture.service('web').updateStatus?.state).toBe('completed');
  });

  test('is replaced by the update when the restart policy leaves it dead', () => {
    const fixture = new Fixture();
    fixture.addNode('n1');
    const restart = { condition: 'none' as const };
    fixture.create({ replicas: 2, restart });
    fixture.run(SECOND);
    fixture.runAll();
    fixture.update('web', { replicas: 2, image: 'v:2', restart });
    fixture.run(SECOND);
    fixture.observe(fixture.slot(2), 'failed');
    fixture.run(SECOND);
    expect(fixture.wanted().map(({ slot }) => slot)).toEqual([1]);
    fixture.observe(fixture.tasks().find(({ slot, state }) => slot === 1 && state === 512)!, 'shutdown');
    fixture.run(SECOND);
    fixture.runAll();
    fixture.run(SECOND);
    expect(fixture.wanted().map(({ slot }) => slot)).toEqual([1, 2]);
  });
});
