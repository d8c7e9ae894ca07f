// Home Assistant discovery: what its documentation demands of such documents.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  cameraDocument,
  deviceDocument,
  discoveryTopic,
  HOME_ASSISTANT_EVENTS,
  thinned,
} from '../../src/mqtt/home-assistant.ts';
import { TopicTree } from '../../src/mqtt/topics.ts';
import { eventOf } from '../sinks/records.ts';

interface Component {
  readonly p: string;
  readonly unique_id: string;
  readonly state_topic?: string;
  readonly image_topic?: string;
  readonly availability?: unknown[];
}
interface Document {
  readonly dev: { ids: string[]; via_device?: string };
  readonly o: { name: string };
  readonly availability?: { topic: string }[];
  readonly cmps: Record<string, Component>;
}

const topics = new TopicTree('vedette', 'gate-2');
const options = { prefix: 'homeassistant', device: 'gate-2', version: '1.0.0', topics };
const documentOf = (id: string, labels: string[]) =>
  cameraDocument(options, { id, labels }) as unknown as Document;

test('topics and the way from camera to device', () => {
  expect(discoveryTopic(options)).toBe('homeassistant/device/vedette_gate-2/config');
  expect(discoveryTopic(options, 'front')).toBe('homeassistant/device/vedette_gate-2_front/config');
  const device = deviceDocument(options) as unknown as Document;
  expect(documentOf('front', []).dev.via_device).toBe(device.dev.ids[0]);
});

test('for any labels: unique ids, a platform and a topic of ours in every component', () => {
  const names = fc.uniqueArray(fc.string({ maxLength: 20 }), { maxLength: 12 });
  fc.assert(
    fc.property(names, names, (front, back) => {
      const documents = [
        documentOf('front', front),
        documentOf('back', back),
        deviceDocument(options) as unknown as Document,
      ];
      const components = documents.flatMap(({ cmps }) => Object.values(cmps));
      const ids = components.map(({ unique_id }) => unique_id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { p, unique_id, state_topic, image_topic } of components) {
        expect(p).toMatch(/^[a-z_]+$/);
        expect(unique_id).toMatch(/^[a-zA-Z0-9_-]+$/);
        expect(state_topic ?? image_topic).toMatch(/^vedette\/gate-2\/[^+#]+$/);
      }
      for (const { dev, o } of documents) {
        expect(dev.ids.length).toBe(1);
        expect(o.name).toBe('Vedette');
      }
    }),
  );
});

test('a dead camera hides its counts, not the sensor that says it is dead', () => {
  const { availability, cmps } = documentOf('front', ['person']);
  expect(availability?.map(({ topic }) => topic)).toEqual([
    'vedette/gate-2/status',
    'vedette/gate-2/cam/front/status',
  ]);
  expect(cmps.stream?.availability).toEqual([{ topic: 'vedette/gate-2/status' }]);
});

test('twenty labels still fit what small brokers take', () => {
  const labels = [...Array(20).keys()].map((i) => `label number ${i}`);
  expect(JSON.stringify(documentOf('front', labels)).length).toBeLessThan(32 * 1024);
});

test('the thinned copy: live events of announced types, with few keys', () => {
  expect(thinned(eventOf(1))).toEqual({
    event_type: 'object_new',
    id: eventOf(1).id,
    ts: eventOf(1).ts,
    label: 'person',
    score: 0.8,
    track_id: 1,
    zones: [],
  });
  expect(thinned(eventOf(1, { replayed: true }))).toBeUndefined();
  expect(thinned(eventOf(1, { event_type: 'object_update' }))).toBeUndefined();
  expect(HOME_ASSISTANT_EVENTS).not.toContain('object_update');
});
