// What a configuration names must exist on this machine: its model, and labels that the model knows.
import { join } from 'node:path';
import type { ConfigCheck, Finding } from '../config/finding.ts';
import { nearest } from '../config/problem.ts';
import type { Config } from '../config/schema/config.ts';
import type { Path } from '../config/schema/keys.ts';
import type { ModelManifest } from '../contracts/model.ts';
import { causeText } from '../core/errors.ts';
import { resolveAppearance, resolveModel } from './installed-models.ts';

export const installationChecks: readonly ConfigCheck[] = [
  (config) => {
    let manifest: ModelManifest;
    try {
      manifest = resolveModel(config.model, join(config.storage.path, 'models'));
    } catch (error) {
      return [{ severity: 'error', path: ['model'], message: causeText(error) }];
    }
    return labelLists(config).flatMap(([path, labels]) => unknownLabels(path, labels, manifest));
  },
  ({ appearance, storage }) => {
    if (appearance === undefined) return [];
    try {
      resolveAppearance(appearance, join(storage.path, 'models'));
      return [];
    } catch (error) {
      return [{ severity: 'error', path: ['appearance'], message: causeText(error) }];
    }
  },
];

function labelLists({ cameras, alerts, zones, lines }: Config): [Path, readonly string[]][] {
  const places = Object.entries({ zones, lines }).flatMap(([section, named]) =>
    Object.entries(named).map(([name, { labels }]): [Path, readonly string[]] => [
      [section, name, 'labels'],
      labels ?? [],
    ]),
  );
  return [
    ...places,
    ...Object.entries(cameras).map(([id, camera]): [Path, readonly string[]] => [
      ['cameras', id, 'labels'],
      camera.labels ?? [],
    ]),
    ...alerts.map(({ labels }, index): [Path, readonly string[]] => [
      ['alerts', index, 'labels'],
      labels ?? [],
    ]),
  ];
}

function unknownLabels(path: Path, labels: readonly string[], model: ModelManifest): Finding[] {
  return [...labels.entries()]
    .filter(([, label]) => !model.labels.includes(label))
    .map(([index, label]) => {
      const near = nearest(label, model.labels);
      const help =
        near === undefined ? `it has ${someOf(model.labels)}` : `did you mean "${near}"?`;
      const message = `the model ${model.name} has no label "${label}"; ${help}`;
      return { severity: 'error', path: [...path, index], message };
    });
}

function someOf(labels: readonly string[]): string {
  const more = labels.length > 12 ? ` and ${labels.length - 12} more` : '';
  return `${labels.slice(0, 12).join(', ')}${more}`;
}
