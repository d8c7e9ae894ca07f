import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rtspPlaylist } from '../../src/pipeline/decode-ffmpeg.ts';
import { FfmpegReport, type WrittenStream } from '../../src/pipeline/ffmpeg-report.ts';
import { orderOf } from '../integration/camera-harness.ts';

// As FFmpeg 5.1 writes them.
const STREAM = `Input #0, concat, from 'pipe:0':
  Duration: N/A, start: 0.000000, bitrate: N/A
  Stream #0:0(und): Video: hevc (Main) (hvc1 / 0x31637668), yuv420p(tv, unknown/bt709/bt709), 1280x720 [SAR 1:1 DAR 16:9], 30 fps, 30 tbr, 90k tbn
  Stream #0:1(und): Audio: aac (LC), 44100 Hz, mono, fltp
Stream mapping:
  Stream #0:0 -> #0:0 (hevc (native) -> rawvideo (native))
Output #0, rawvideo, to '/tmp/frames':
  Stream #0:0: Video: rawvideo (I420 / 0x30323449), yuv420p(tv, progressive), 1280x720 [SAR 1:1 DAR 16:9], q=2-31, 331776 kb/s, 29.97 fps, 30 tbn`;

function shown(n: number, seconds: number | string): string {
  return `[Parsed_showinfo_0 @ 0x55ad] n:${String(n).padStart(4)} pts:   3000 pts_time:${seconds}    pos:       -1 fmt:yuv420p sar:1/1 s:1280x720 i:P iskey:1 type:I `;
}

function afterLines(text: string): { report: FfmpegReport; streams: WrittenStream[] } {
  const report = new FfmpegReport();
  const streams = text.split('\n').flatMap((line) => report.read(line) ?? []);
  return { report, streams };
}

describe('FfmpegReport', () => {
  it('finds the stream that is written, and the codec it came from', () => {
    expect(afterLines(STREAM).streams).toEqual([
      { codec: 'h265', decoder: 'hevc', widthPx: 1280, heightPx: 720, fps: 29.97 },
    ]);
  });

  it('gives each frame its time, and no time twice', () => {
    const { report } = afterLines([0, 1, 2].map((n) => shown(n, 5 + n / 25)).join('\n'));
    expect(report.takePtsNs(4)).toBeUndefined();
    expect(report.takePtsNs(2)).toBe(40_000_000);
    expect(report.takePtsNs(1)).toBeUndefined();
    expect(report.takePtsNs(3)).toBe(80_000_000);
  });

  it('gives rising times whatever the stream says', () => {
    const seconds = fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constant('NOPTS'));
    fc.assert(
      fc.property(fc.array(seconds, { minLength: 1 }), (stamps) => {
        const { report } = afterLines(stamps.map((stamp, n) => shown(n, stamp)).join('\n'));
        let last = -1;
        for (let sequence = 1; sequence <= stamps.length; sequence++) {
          const pts = report.takePtsNs(sequence);
          expect(pts).toBeGreaterThanOrEqual(sequence === 1 ? 0 : last);
          last = pts ?? Number.NaN;
        }
      }),
    );
  });

  it.each([
    ['auth_failed', '[rtsp @ 0x5] method DESCRIBE failed: 401 Unauthorized'],
    [
      'unreachable',
      '[tcp @ 0x5] Connection to tcp://127.0.0.1:1?timeout=0 failed: Connection refused',
    ],
    ['unsupported', '[h264 @ 0x5] Picture size 16384x8192 is invalid'],
    ['unsupported', 'pipe:0: Invalid data found when processing input'],
    ['decoder_failed', 'Device creation failed: -542398533.'],
    ['decoder_failed', '[h264 @ 0x5] No device available for decoder: device type cuda needed'],
    ['failed', 'Conversion failed!'],
  ])('calls the end %s after "%s"', (end, line) => {
    expect(afterLines(`${STREAM}\n${line}`).report.ending('4096x2304').end).toBe(end);
  });

  it('keeps credentials out of the cause', () => {
    const { report } = afterLines("Impossible to open 'rtsp://admin:hunter2@10.0.0.7/x'");
    const { cause } = report.ending('1x1');
    expect(cause).toContain('10.0.0.7');
    expect(cause).not.toContain('hunter2');
  });
});

describe('rtspPlaylist', () => {
  it('holds one quoted URL, whatever stands in the credentials', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: 'grapheme' }),
        (username, password) => {
          const order = orderOf('', { username, password });
          const [, file, ...rest] = rtspPlaylist(order, "rtsp://10.0.0.7:554/it's").split('\n');
          expect(rest).toEqual(['option rtsp_transport tcp', '']);
          expect(file).toMatch(/^file '[^'\s]*'$/);
          const url = new URL(file?.slice(6, -1) ?? '');
          expect(decodeURIComponent(url.username)).toBe(username);
          expect(decodeURIComponent(url.password)).toBe(password);
          expect(url.host + decodeURIComponent(url.pathname)).toBe("10.0.0.7:554/it's");
        },
      ),
    );
  });
});
