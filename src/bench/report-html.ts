// What `vedette bench` found, as one HTML file that needs nothing else: figures and plots, drawn as SVG.
import { layoutText } from '../infer/layout.ts';
import { DISTURBED, disturbanceText, number } from './report-text.ts';
import type { BenchResult } from './self-bench.ts';

interface Bar {
  readonly name: string;
  readonly value: number;
  readonly text?: string;
}

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733; background: #fff }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem }
table { border-collapse: collapse } td { padding: .15rem 1rem .15rem 0; vertical-align: top }
svg { max-width: 100%; height: auto } .bar { fill: #2f6f9f } .grid { stroke: #d5dbe1 } .curve { fill: none; stroke: #2f6f9f; stroke-width: 2 }
text { font: 12px system-ui, sans-serif; fill: currentColor }
@media (prefers-color-scheme: dark) { body { background: #14191f; color: #d9e0e7 } .grid { stroke: #333c46 } .bar { fill: #5aa0d0 } .curve { stroke: #5aa0d0 } }`;

export function benchHtml(result: BenchResult): string {
  const { profile, on, limit_fps: limit, saturated, streams, live } = result;
  const cpu: Bar[] = [
    { name: 'decode', value: profile.decode_cpu_ms },
    { name: 'print', value: profile.print_cpu_ms },
    { name: 'inference', value: profile.inference_cpu_ms },
    { name: 'the rest', value: profile.rest_cpu_ms },
  ];
  const rates: Bar[] = [
    { name: 'decode alone', value: profile.decode_fps },
    { name: 'inference alone', value: profile.inference_fps },
    { name: 'limit of both and print', value: limit },
    { name: `reached, ${saturated.cameras} cameras`, value: saturated.fps },
  ];
  const latency: Bar[] = live.latency.buckets.map((bucket) => ({
    name: `≤ ${number(bucket.upToMs)} ms`,
    value: bucket.count,
  }));
  const batches: Bar[] = live.batches.map((one) => ({
    name: `${one.frames} frame${one.frames === 1 ? '' : 's'}`,
    value: one.runs,
  }));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>vedette bench: ${escapeText(profile.model)}</title><style>${STYLE}</style></head>
<body>
<h1>What this machine carries with ${escapeText(profile.model)}</h1>
${table(facts(result))}
<h2>Where the processor time of an analysed frame goes, milliseconds</h2>
${bars(cpu)}
<h2>Frames per second with all of the machine</h2>
${bars(rates)}
<h2>Streams like the clip, by analysed frames per second and stream</h2>
${curve(streams.by_rate.map(({ fps, streams }) => [fps, streams]))}
<h2>From capture to detections, ${live.cameras} live cameras at ${number(streams.fps)} fps: frames by milliseconds</h2>
${bars(latency)}
<h2>Frames per inference: runs</h2>
${bars(batches)}
<p>Measured ${escapeText(profile.measured_at)} by Vedette ${escapeText(profile.vedette)} with ONNX Runtime ${escapeText(on.runtime_version)}.</p>
</body></html>
`;
}

function facts({
  on,
  profile,
  streams,
  bottleneck,
  live,
  disturbed,
}: BenchResult): [string, string][] {
  const { clip, layout } = profile;
  const { p50Ms, p95Ms, p99Ms } = live.latency;
  return [
    ['Machine', `${on.cpu || on.arch}, ${on.cores} cores`],
    ['Model', `${profile.model} on ${on.provider}, ${layoutText(layout)}`],
    [
      'Clip',
      `${clip.codec} ${clip.width}x${clip.height} at ${number(clip.fps)} fps, ${clip.decoder}`,
    ],
    ['Streams', `${streams.supported} at ${number(streams.fps)} analysed frames/s`],
    ['Bottleneck', bottleneck.text],
    ['Latency', `p50 ${number(p50Ms)}, p95 ${number(p95Ms)}, p99 ${number(p99Ms)} ms`],
    ...(disturbed > DISTURBED ? [['Note', disturbanceText(disturbed)] as [string, string]] : []),
  ];
}

function table(rows: readonly (readonly [string, string])[]): string {
  const lines = rows.map(
    ([name, value]) => `<tr><td>${escapeText(name)}</td><td>${escapeText(value)}</td></tr>`,
  );
  return `<table>${lines.join('')}</table>`;
}

/** Horizontal bars, each with its value. */
function bars(all: readonly Bar[]): string {
  if (all.length === 0) return '<p>nothing was measured</p>';
  const most = Math.max(...all.map(({ value }) => value)) || 1;
  const lines = all.map(({ name, value }, at) => {
    const y = at * 24;
    const width = Math.max(1, (value / most) * 460);
    return `<text x="150" y="${y + 16}" text-anchor="end">${escapeText(name)}</text><rect class="bar" x="160" y="${y + 3}" width="${width.toFixed(1)}" height="18"/><text x="${(168 + width).toFixed(1)}" y="${y + 16}">${number(value)}</text>`;
  });
  return svg(all.length * 24, lines);
}

/** One line through the points, with both axes from zero. */
function curve(points: readonly (readonly [number, number])[]): string {
  if (points.length === 0) return '<p>nothing was measured</p>';
  const [width, height] = [600, 220];
  const mostX = Math.max(...points.map(([x]) => x));
  const mostY = Math.max(1, ...points.map(([, y]) => y));
  const at = ([x, y]: readonly [number, number]) =>
    [40 + (x / mostX) * width, 10 + height - (y / mostY) * height].map((v) => v.toFixed(1));
  const path = points.map((point) => at(point).join(',')).join(' ');
  const labels = points.map((point) => {
    const [x, y] = at(point);
    return `<circle class="bar" cx="${x}" cy="${y}" r="3"/><text x="${x}" y="${Number(y) - 8}" text-anchor="middle">${point[1]}</text><text x="${x}" y="${height + 28}" text-anchor="middle">${point[0]}</text>`;
  });
  const axes = `<path class="grid" fill="none" d="M40 10V${height + 10}H${40 + width}"/>`;
  return svg(height + 40, [axes, `<polyline class="curve" points="${path}"/>`, ...labels]);
}

function svg(height: number, content: readonly string[]): string {
  return `<svg viewBox="0 0 720 ${height}" width="720" height="${height}" role="img">${content.join('')}</svg>`;
}

function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
