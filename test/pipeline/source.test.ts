import { describe, expect, it } from 'vitest';
import { type BusError, endOf } from '../../src/pipeline/gstreamer-error.ts';
import { parseSource } from '../../src/pipeline/source.ts';

function error(overrides: Partial<BusError>): BusError {
  return { element: 'source', message: '', debug: '', details: '', ...overrides };
}

const BOUND = '4096x2304';

describe('parseSource', () => {
  it.each([
    ['rtsp://10.0.0.7:554/a?b=c', 'rtsp'],
    ['RTSPS://cam.local/a', 'rtsp'],
    ['/dev/video0', 'device'],
    ['/dev/video0.mp4', 'file'],
    ['clips/a b.mp4', 'file'],
    ['file:///clips/a%20b.mp4', 'file'],
  ])('%s is a %s source', (source, kind) => {
    expect(parseSource(source)).toMatchObject({ kind });
  });

  it.each([
    'http://cam/x.m3u8',
    'exec://reboot',
    'rtmp://cam/x',
    'rtsp://user:pass@cam/x',
    'rtsp://',
    'file://%zz',
    'file://host/x',
  ])('refuses %s without repeating a password', (source) => {
    const refused = parseSource(source);
    expect(refused).toMatchObject({ end: 'failed' });
    expect(JSON.stringify(refused)).not.toContain('pass@');
  });
});

// Messages as GStreamer 1.22 posts them.
describe('endOf', () => {
  const rtsp = (line: number, text: string): string =>
    `../gst/rtsp/gstrtspsrc.c(${line}): gst_rtspsrc_send (): /GstPipeline:pipeline0/GstRTSPSrc:source:\n${text}`;

  it.each([
    [
      'auth_failed',
      error({
        message: 'Unauthorized',
        debug: rtsp(6895, 'Unauthorized (401)'),
        details: 'details, rtsp-status-code=(uint)401, rtsp-status-reason=(string)Unauthorized;',
      }),
    ],
    [
      'auth_failed',
      error({ message: 'Forbidden', details: 'details, rtsp-status-code=(uint)403;' }),
    ],
    [
      'unreachable',
      error({
        message: 'Not found',
        debug: rtsp(6895, 'Not Found (404)'),
        details: 'details, rtsp-status-code=(uint)404;',
      }),
    ],
    [
      'unreachable',
      error({
        message: 'Could not open resource for reading and writing.',
        debug: rtsp(8336, 'Failed to connect. (Generic error)'),
      }),
    ],
    [
      'unreachable',
      error({
        message: 'Could not read from resource.',
        debug: rtsp(5760, 'Could not receive message. (Timeout while waiting for server response)'),
      }),
    ],
    [
      'unsupported',
      error({
        element: 'h264parse0',
        message: 'Internal data stream error.',
        debug: 'gstbaseparse.c(1): loop ():\nstreaming stopped, reason not-negotiated (-4)',
        details: 'details, flow-return=(int)-4;',
      }),
    ],
    [
      'unsupported',
      error({ element: 'branch', message: 'no decoder is meant for video/x-theora' }),
    ],
    ['failed', error({ element: 'avdec_h264-0', message: 'Internal error in the decoder.' })],
  ] as const)('%s: %o', (end, bus) => {
    const ending = endOf(bus, BOUND);
    expect(ending.end).toBe(end);
    expect(ending.cause).not.toBe('');
  });

  it('names the bound where a picture did not pass it', () => {
    const bus = error({ debug: 'x\nstreaming stopped, reason not-negotiated (-4)' });
    expect(endOf(bus, BOUND).cause).toContain(BOUND);
  });

  it('keeps source positions and credentials to itself', () => {
    const bus = error({
      message: 'Could not open resource.',
      debug: rtsp(1, 'Failed to connect to rtsp://admin:hunter2@10.0.0.7/x'),
    });
    const { cause } = endOf(bus, BOUND);
    expect(cause).not.toMatch(/hunter2|gstrtspsrc/);
    expect(cause).toContain('10.0.0.7');
  });
});
