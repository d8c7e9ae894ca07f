// Motion: ON at once, OFF after quiet, nothing where nobody measures.
import { expect, test } from 'vitest';
import { MotionState } from '../../src/sinks/motion-state.ts';
import { FakeClock } from '../fakes/fake-clock.ts';

function rig(): { clock: FakeClock; state: MotionState; told: string[] } {
  const clock = new FakeClock();
  const told: string[] = [];
  const state = new MotionState(clock, (camera, value) => told.push(`${camera} ${value}`));
  return { clock, state, told };
}

test('ON with the first moving frame, OFF 10 s after the last, also when frames stop', () => {
  const { clock, state, told } = rig();
  state.add('front', 0);
  state.add('front', 0.05);
  clock.advance(9000);
  state.add('front', 0.05);
  state.add('front', 0);
  clock.advance(9000);
  expect(told).toEqual(['front OFF', 'front ON']);
  clock.advance(2000);
  expect(told).toEqual(['front OFF', 'front ON', 'front OFF']);
  state.add('front', 1);
  expect(told.at(-1)).toBe('front ON');
});

test('a camera whose motion nobody measures says nothing', () => {
  const { clock, state, told } = rig();
  for (let i = 0; i < 100; i++) {
    state.add('front', undefined);
    clock.advance(100);
  }
  expect(told).toEqual([]);
});
