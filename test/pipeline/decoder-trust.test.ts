// What decodes a camera after something failed: hardware, software, FFmpeg, each given up once and for a reason.
import { describe, expect, it } from 'vitest';
import { DecoderTrust } from '../../src/pipeline/decoder-trust.ts';

const HARDWARE = { h264: 'vah264dec' };
const CRASHED = 'the camera process killed by SIGSEGV';

describe('trust in decoders', () => {
  it('goes from hardware to software to FFmpeg, and then nowhere', () => {
    const trust = new DecoderTrust({
      decoder: 'gstreamer',
      decoders: HARDWARE,
      mayUseFfmpeg: true,
    });
    expect(trust.order).toEqual({ decoder: 'gstreamer', decoders: HARDWARE });
    expect(trust.loses(undefined, 'h264', CRASHED)).toBe('software');
    expect(trust.order).toEqual({ decoder: 'gstreamer' });
    expect(trust.loses('unsupported', undefined, 'no decoder for msmpeg4v3')).toBe('FFmpeg');
    expect(trust.order).toEqual({ decoder: 'ffmpeg' });
    expect(trust.reason).toBe('no decoder for msmpeg4v3');
    expect(trust.loses('unsupported', undefined, 'nor here')).toBeUndefined();
    expect(trust.reason).toBe('no decoder for msmpeg4v3');
  });

  it.each([
    ['unsupported', 'h264', 'the stream was seen before'],
    ['unreachable', undefined, 'nobody answers'],
    ['failed', undefined, 'the network'],
    [undefined, undefined, 'the camera process killed by SIGKILL'],
  ] as const)('stays with GStreamer when a session ends %s after %s: %s', (end, codec, cause) => {
    const trust = new DecoderTrust({ decoder: 'gstreamer', mayUseFfmpeg: true });
    expect(trust.loses(end, codec, cause)).toBeUndefined();
    expect(trust.order).toEqual({ decoder: 'gstreamer' });
  });

  it('does not take FFmpeg where GStreamer was asked for by name', () => {
    const trust = new DecoderTrust({ decoder: 'gstreamer' });
    expect(trust.loses('unsupported', undefined, 'no decoder')).toBeUndefined();
  });
});
