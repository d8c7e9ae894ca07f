// How many cameras a machine carries: the load of a configuration against the capacity that was measured. Pure.
import type { CapacityProfile } from '../contracts/capacity.ts';

/** What one camera asks for, in the order of the configuration. */
export interface Demand {
  readonly camera: string;
  readonly fps: number;
  readonly minFps: number;
  readonly priority: number;
}

export interface Machine {
  readonly profile: CapacityProfile;
  readonly cores: number;
}

export interface Admission {
  readonly verdict: 'fits' | 'degraded' | 'refused';
  /** Analysed frames per second that each admitted camera gets. */
  readonly fps: Readonly<Record<string, number>>;
  /** Cameras for whose floors there is no room, least important first. */
  readonly refused: readonly string[];
  /** Share of the whole machine that was asked for, and that is given; above `UTILISATION` nothing is given. */
  readonly wantedLoad: number;
  readonly givenLoad: number;
}

/** What may be planned for: the rest absorbs bursts, stills and everything else that the machine does. */
export const UTILISATION = 0.85;
/** Sums of many rates are rounded; a machine that is exactly full is not too full. */
const CAPACITY = UTILISATION * (1 + 1e-9);

/**
 * Gives every camera its rate where the machine carries them all. Otherwise rates go down, least where priority is high:
 * each camera keeps `λ × priority` of its rate, at most all of it and never less than its floor, with the largest λ that
 * fits. Where not even the floors fit, cameras are refused: low priority first, of equal ones the last in the file. One
 * is always admitted: an agent that watches nothing helps nobody.
 *
 * A stream costs its decoding whatever its rate; all are taken to be like the clip that was measured, and movement never
 * to stop.
 */
export function admit(demands: readonly Demand[], machine: Machine): Admission {
  const { clip } = machine.profile;
  const wishes = demands.map((demand) => {
    const fps = Math.min(demand.fps, clip.fps);
    return { ...demand, fps, minFps: Math.min(demand.minFps, fps) };
  });
  const refused: string[] = [];
  let admitted = wishes;
  while (admitted.length > 1 && !fits(admitted.map(floorOf), machine)) {
    const last = leastImportant(admitted);
    refused.push(last.camera);
    admitted = admitted.filter((one) => one !== last);
  }
  const rates = sharedRates(admitted, machine);
  const given = load(rates, machine);
  const isWhole = admitted.every(({ fps }, at) => rates[at] === fps);
  return {
    verdict: refused.length > 0 ? 'refused' : isWhole ? 'fits' : 'degraded',
    fps: Object.fromEntries(admitted.map(({ camera }, at) => [camera, rates[at] ?? 0])),
    refused,
    wantedLoad: load(
      wishes.map(({ fps }) => fps),
      machine,
    ),
    givenLoad: given,
  };
}

/** Share of the machine that so many streams take at these analysed rates: of its cores, or of what infers, if that is more. */
export function load(rates: readonly number[], { profile, cores }: Machine): number {
  const analysed = rates.reduce((sum, fps) => sum + fps, 0);
  const decodeMs = rates.length * profile.clip.fps * profile.decode_cpu_ms;
  const cpuMs = decodeMs + analysed * analysisCpuMs(profile);
  return Math.max(cpuMs / (1000 * cores), analysed / profile.inference_fps);
}

function fits(rates: readonly number[], machine: Machine): boolean {
  return load(rates, machine) <= CAPACITY;
}

/** Processor time that an analysed frame takes beyond its decoding. */
export function analysisCpuMs(profile: CapacityProfile): number {
  return profile.print_cpu_ms + profile.inference_cpu_ms + profile.rest_cpu_ms;
}

/** Streams like the measured clip, analysed at `fps`, that fit into the machine. */
export function streamsSupported(fps: number, machine: Machine): number {
  const perStream = load([Math.min(fps, machine.profile.clip.fps)], machine);
  return Math.floor(CAPACITY / perStream);
}

type Wish = Demand;

const floorOf = ({ minFps }: Wish): number => minFps;

function leastImportant(wishes: readonly Wish[]): Wish {
  return wishes.reduce((least, wish) => (wish.priority <= least.priority ? wish : least));
}

function sharedRates(wishes: readonly Wish[], machine: Machine): number[] {
  const ratesAt = (share: number) =>
    wishes.map(({ fps, minFps, priority }) =>
      Math.max(minFps, Math.min(1, share * priority) * fps),
    );
  let most = 1 / Math.min(1, ...wishes.map(({ priority }) => priority));
  if (fits(ratesAt(most), machine)) return wishes.map(({ fps }) => fps);
  let least = 0;
  // Load grows with the share; fifty halvings leave less than a rate can be told apart by.
  for (let step = 0; step < 50; step++) {
    const middle = (least + most) / 2;
    if (fits(ratesAt(middle), machine)) least = middle;
    else most = middle;
  }
  return ratesAt(least);
}

/** One sentence for people: what was asked for, what the machine carries, what follows, and what can be done. */
export function admissionText(demands: readonly Demand[], machine: Machine): string {
  const { verdict, fps, refused, wantedLoad, givenLoad } = admit(demands, machine);
  const { profile } = machine;
  const who = demands.length === 1 ? '1 camera asks' : `${demands.length} cameras ask`;
  const asked = `${who} for ${percent(wantedLoad)} of this machine`;
  if (verdict === 'fits') return `${asked}; up to ${percent(UTILISATION)} is planned for`;
  const lowered = demands.flatMap(({ camera, fps: wanted }) => {
    const given = fps[camera];
    return given === undefined || given >= Math.min(wanted, profile.clip.fps)
      ? []
      : [`${camera} ${round(wanted)} → ${round(given)}`];
  });
  const parts = [
    `${asked}, measured with ${profile.model} on ${profile.clip.width}x${profile.clip.height} at ${round(profile.clip.fps)} fps; ${percent(UTILISATION)} can be given`,
    refused.length > 0 && `no room for ${refused.join(', ')}, even at min_fps`,
    lowered.length > 0 && `analysed frames/s: ${lowered.join(', ')} (${percent(givenLoad)})`,
    refused.length > 0
      ? 'lower fps and min_fps, use smaller streams or a smaller model, or take cameras out'
      : 'lower fps yourself, or use smaller streams or a smaller model',
  ];
  return parts.filter(Boolean).join('; ');
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
