// What `vedette bench` found, as lines for people.
import { layoutText } from '../infer/layout.ts';
import { UTILISATION } from '../pipeline/admission.ts';
import type { BenchResult } from './self-bench.ts';

export function benchText(result: BenchResult): string {
  const { on, profile, streams, saturated, live, bottleneck, limit_fps: limit } = result;
  const { clip } = profile;
  const plan = `${Math.round(UTILISATION * 100)} % of it planned for`;
  const rows = [
    ['Machine', `${on.cpu || on.arch}, ${on.cores} core${on.cores === 1 ? '' : 's'}`],
    [
      'Model',
      `${profile.model} on ${on.provider}, ${layoutText(profile.layout)}, ONNX Runtime ${on.runtime_version}`,
    ],
    [
      'Clip',
      `${clip.codec} ${clip.width}x${clip.height} at ${number(clip.fps)} fps, decoded by ${clip.decoder}`,
    ],
    [],
    ['', 'CPU ms per frame   frames/s with all of the machine'],
    ['decode', cost(profile.decode_cpu_ms, profile.decode_fps)],
    ['print', cost(profile.print_cpu_ms, profile.print_fps)],
    ['inference', cost(profile.inference_cpu_ms, profile.inference_fps)],
    ['the rest', cost(profile.rest_cpu_ms)],
    [],
    [
      'Limit',
      `${number(limit)} frames/s when every frame is analysed; reached ${number(saturated.fps)} with ${saturated.cameras} cameras (${number(saturated.share_of_limit)} of it)`,
    ],
    [
      'Streams',
      `${streams.supported} like this one at ${number(streams.fps)} analysed frames/s each, with ${plan}`,
    ],
    ['', streams.by_rate.map((one) => `${one.fps} fps: ${one.streams}`).join('   ')],
    ['Bottleneck', bottleneck.text],
    [
      'Live',
      `${live.cameras} camera${live.cameras === 1 ? '' : 's'}: capture to detections p50 ${number(live.latency.p50Ms)}, p95 ${number(live.latency.p95Ms)}, p99 ${number(live.latency.p99Ms)} ms; the slowest got ${Math.round(live.least_share * 100)} % of its rate`,
    ],
    ['Batches', live.batches.map((one) => `${one.frames}: ${one.runs}`).join('   ')],
    [
      'Memory',
      `agent ${number(live.agent_rss_mb)} MB, camera process ${number(live.camera_pss_mb)} MB`,
    ],
    [
      'Event loop',
      `p99 delay ${number(saturated.event_loop_delay_p99_ms)} ms with every core busy`,
    ],
  ];
  if (result.disturbed > DISTURBED) {
    rows.push([], ['Note', disturbanceText(result.disturbed)]);
  }
  return rows.map(([name = '', text = '']) => `${name.padEnd(11)} ${text}`.trimEnd()).join('\n');
}

/** Other processes took more than this share of the machine: rates and delays are worse than they would be. */
export const DISTURBED = 0.1;

export function disturbanceText(share: number): string {
  return `other processes took ${Math.round(share * 100)} % of the machine meanwhile, so frames/s came out lower and delays longer; measure again when it is quiet`;
}

function cost(cpuMs: number, fps?: number): string {
  return `${cpuMs.toFixed(2).padStart(16)}   ${fps === undefined ? '' : number(fps).padStart(8)}`;
}

/** Three digits are what a measurement of seconds is worth. */
export function number(value: number): string {
  return String(Number(value.toPrecision(3)));
}
