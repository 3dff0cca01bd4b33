import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventQueue } from './event-queue.ts';
import type { Lane } from './lane.ts';

const key = fc.record({ time: fc.nat(20), lane: fc.nat(5), party: fc.nat(3) });
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('push' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), pick: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('pop' as const), until: fc.nat(25) }),
  },
);

test('the queue gives what a sorted list gives, for any pushes, removals and pops', () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 4, 32, 32_768), fc.array(step, { maxLength: 200 }), (spillAt, steps) => {
      const queue = new EventQueue<number>(spillAt);
      let model: { time: number; lane: number; party: number; seq: number; slot: number }[] = [];
      let seq = 0;
      for (const action of steps) {
        if (action.do === 'push') {
          seq++;
          const slot = queue.push(action.key.time, action.key.lane as Lane, action.key.party, seq, seq);
          model.push({ ...action.key, seq, slot });
        } else if (action.do === 'remove') {
          const victim = model[action.pick % Math.max(1, model.length)];
          if (victim === undefined) continue;
          expect(queue.remove(victim.slot)).toBe(victim.seq);
          model = model.filter((entry) => entry !== victim);
        } else {
          model.sort((a, b) => a.time - b.time || a.lane - b.lane || a.party - b.party || a.seq - b.seq);
          const first = model[0];
          expect(queue.nextTime()).toBe(first === undefined ? Infinity : first.time);
          const popped = queue.pop(action.until);
          if (first === undefined || first.time >= action.until) expect(popped).toBeUndefined();
          else {
            expect([popped, queue.time, queue.lane, queue.party, queue.seq]).toEqual([
              first.seq,
              first.time,
              first.lane,
              first.party,
              first.seq,
            ]);
            model.shift();
          }
        }
        expect(queue.size).toBe(model.length);
        expect([...queue.entries()].map((entry) => entry.seq).sort((a, b) => a - b)).toEqual(
          model.map((entry) => entry.seq).sort((a, b) => a - b),
        );
      }
    }),
  );
});
