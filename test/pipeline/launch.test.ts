import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HardwareDecoders } from '../../src/contracts/decoder.ts';
import type { CameraOrder } from '../../src/contracts/ticket.ts';
import { branchLines, canDecode, type Launch, launch } from '../../src/pipeline/launch.ts';
import { parseSource, type Source } from '../../src/pipeline/source.ts';
import { orderOf } from '../integration/camera-harness.ts';

const everything = (): boolean => true;

function launched(order: CameraOrder, has: (element: string) => boolean = everything): Launch {
  return launch(order, parseSource(order.source) as Source, has);
}

function text(order: CameraOrder): string {
  const { line, branches, sourceName, source } = launched(order);
  return [line, branchLines(branches), `${sourceName}: ${JSON.stringify(source)}`].join('\n');
}

describe('launch', () => {
  it('gives these lines', async () => {
    const camera = { username: 'admin', password: 'p@ss', realtime: true };
    const cases = {
      'RTSP over TCP': orderOf('rtsp://10.0.0.7:554/Streaming/Channels/102?x=1', camera),
      'RTSP over UDP, Full HD': orderOf('rtsp://10.0.0.7/stream1', {
        ...camera,
        transport: 'udp',
        maxWidthPx: 1920,
        maxHeightPx: 1080,
      }),
      'RTSP, Jetson': orderOf('rtsp://10.0.0.7/a', {
        ...camera,
        decoders: { h264: 'nvv4l2decoder', h265: 'nvv4l2decoder', mjpeg: 'nvjpegdec' },
      }),
      'RTSP, VA, key frames only': orderOf('rtsp://10.0.0.7/a', {
        ...camera,
        decode: 'key',
        decoders: { h264: 'vah264dec', h265: 'vah265dec' },
      }),
      'RTSP, stateless V4L2': orderOf('rtsp://10.0.0.7/a', {
        ...camera,
        decoders: { h264: 'v4l2slh264dec' },
      }),
      'RTSP, recorded': orderOf('rtsp://10.0.0.7/main', { ...camera, decode: 'none' }),
      'file, recorded': orderOf('/var/clips/street.mp4', { realtime: true, decode: 'none' }),
      'file, at its own speed': orderOf('/var/clips/street.mp4', { realtime: true, heldFrames: 5 }),
      'file, as fast as frames are taken': orderOf('/var/clips/street.mp4'),
      device: orderOf('/dev/video0', { realtime: true }),
    };
    const golden = Object.entries(cases).map(([name, order]) => `# ${name}\n${text(order)}\n`);
    await expect(golden.join('\n')).toMatchFileSnapshot('../golden/launch.txt');
  });

  it('never lets anything a person wrote into a line', () => {
    const hostile = fc.oneof(
      fc.string({ minLength: 8 }),
      fc.constantFrom(
        'a ! filesink location=/etc/passwd',
        '" ! fakesink "',
        'x\nvideo/x-h264 => filesink location=/tmp/x',
        '$(reboot)',
      ),
    );
    fc.assert(
      fc.property(hostile, hostile, hostile, (path, username, password) => {
        const common = { username, password };
        for (const source of [
          `rtsp://h/${encodeURI(path.replace(/[\uD800-\uDFFF]/g, ''))}`,
          path,
        ]) {
          const parsed = parseSource(source);
          if ('end' in parsed) continue;
          const order = orderOf(source, common);
          const plain = orderOf(parsed.kind === 'rtsp' ? 'rtsp://h/x' : 'x');
          const { line, branches } = launch(order, parsed, everything);
          const expected = launched(plain);
          expect(line).toBe(expected.line);
          expect(branchLines(branches)).toBe(branchLines(expected.branches));
        }
      }),
    );
  });

  it('takes a hardware decoder for its own codec only, and no element that is no name', () => {
    const chosen = (decoders: HardwareDecoders): string[] =>
      launched(orderOf('rtsp://h/x', { decoders }))
        .branches.slice(0, 3)
        .map(({ decoder, isHardware }) => (isHardware ? `${decoder}!` : decoder));
    const software = ['vedetteh264dec', 'vedetteh265dec', 'jpegdec'];
    expect(chosen({ h264: 'v4l2h264dec' })).toEqual(['v4l2h264dec!', 'vedetteh265dec', 'jpegdec']);
    expect(chosen({ h265: 'vah265dec' })).toEqual(['vedetteh264dec', 'vah265dec!', 'jpegdec']);
    expect(chosen({ h264: 'avdec_h264 ! filesink' })).toEqual(software);
    expect(chosen({})).toEqual(software);
  });

  it('falls back to the next software decoder that is installed', () => {
    const firstTwo = (missing: RegExp): string[] => {
      const { branches } = launched(orderOf('rtsp://h/x'), (name) => !missing.test(name));
      return branches.map(({ decoder }) => decoder).slice(0, 2);
    };
    expect(firstTwo(/^vedetteh/)).toEqual(['avdec_h264', 'avdec_h265']);
    expect(firstTwo(/^(vedetteh|avdec_)/)).toEqual(['openh264dec', 'libde265dec']);
  });

  it('knows when nothing here decodes H.264', () => {
    const order = orderOf('rtsp://h/x');
    expect(canDecode(order, (name) => name === 'openh264dec')).toBe(true);
    expect(canDecode(order, (name) => name === 'jpegdec')).toBe(false);
    const board = { ...order, decoders: { h264: 'v4l2h264dec' } };
    expect(canDecode(board, (name) => name === 'v4l2h264dec')).toBe(true);
    expect(canDecode(board, () => false)).toBe(false);
  });

  it('bounds the coded size in front of every decoder', () => {
    for (const source of ['rtsp://h/x', '/a/file.mp4', '/dev/video3']) {
      const { branches } = launched(orderOf(source, { maxWidthPx: 1000, maxHeightPx: 700 }));
      for (const { line, caps, decoder } of branches) {
        const before = decoder === 'none' ? caps : line.slice(0, line.indexOf(` ${decoder}`));
        expect(before).toContain('width=[1,1000],height=[1,700]');
      }
    }
  });
});
