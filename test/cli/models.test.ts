// `vedette models pull` against a real HTTP server: only the registered bytes are kept, and what is kept can be used.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FIGURES, installedModels, REGISTRY } from '../../src/cli/installed-models.ts';
import { pullModel } from '../../src/cli/models.ts';
import { loadModelFigures } from '../../src/config/model-figures.ts';
import { loadModelRegistry, type RegistryEntry } from '../../src/config/model-registry.ts';

const BYTES = Buffer.from('what the registry means');
let server: Server;
let folder: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/moved.onnx') response.writeHead(302, { location: '/good.onnx' }).end();
    else if (request.url === '/good.onnx') response.end(BYTES);
    else if (request.url === '/other.onnx') response.end(Buffer.concat([BYTES, Buffer.of(0)]));
    else if (request.url === '/short.onnx') {
      response.writeHead(200, { 'content-length': BYTES.length }).write(BYTES.subarray(0, 5));
      setTimeout(() => response.destroy(), 20);
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'vedette-pull-')), 'models');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

/** The first registered model with other bytes at another place. */
function entry(file: string): RegistryEntry {
  const { port } = server.address() as AddressInfo;
  const sha256 = createHash('sha256').update(BYTES).digest('hex');
  return { ...loadModelRegistry(REGISTRY)[0]!, url: `http://127.0.0.1:${port}/${file}`, sha256 };
}

describe('pull', () => {
  it('keeps the registered bytes with a manifest that the agent reads', async () => {
    const wanted = entry('moved.onnx');
    const path = await pullModel(wanted, folder);
    expect(readFileSync(path)).toEqual(BYTES);
    const manifest = installedModels(folder).find(({ name }) => name === wanted.name);
    expect(manifest).toMatchObject({ path, sha256: wanted.sha256, head: 'yolox' });
    expect(manifest!.labels).toHaveLength(80);
  });

  it('refuses other bytes and leaves what is there alone', async () => {
    const path = await pullModel(entry('good.onnx'), folder);
    const before = readdirSync(folder);
    await expect(pullModel(entry('other.onnx'), folder)).rejects.toMatchObject({
      code: 'MODEL_HASH_MISMATCH',
    });
    expect(readFileSync(path)).toEqual(BYTES);
    expect(readdirSync(folder)).toEqual(before);
  });

  it.each(['short.onnx', 'nowhere.onnx'])('leaves nothing of %s', async (file) => {
    await expect(pullModel(entry(file), folder)).rejects.toMatchObject({
      code: 'MODEL_UNREADABLE',
    });
    expect(existsSync(folder)).toBe(false);
  });
});

describe('the registry', () => {
  it('names each model once, over TLS, under a free licence, with a head and labels', () => {
    const entries = loadModelRegistry(REGISTRY);
    expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length);
    for (const { licence, manifest } of entries) {
      expect(['Apache-2.0', 'MIT', 'BSD-3-Clause']).toContain(licence);
      expect(manifest).toMatchObject({ head: expect.any(String), labels: expect.anything() });
    }
  });
});

describe('published figures', () => {
  it('are those of the models that are here', () => {
    const figures = loadModelFigures(FIGURES);
    const hashes = [...installedModels(), ...loadModelRegistry(REGISTRY)].map(
      ({ sha256 }) => sha256,
    );
    const measured = Object.keys(figures?.models ?? {}).sort();
    expect(measured, 'npm run bench:detect -- --publish measures anew').toEqual(hashes.sort());
  });
});
