// Chooses a layout by running the real model: the champion so far against the next candidate, in turns.
import { chooseLayout, type Layout, layoutText, type MeasuredLayout } from './layout.ts';

/** An engine that was opened for a layout. */
export interface Contender {
  /** Frames per second over a window of this length. */
  measure(windowMs: number): Promise<{ readonly fps: number; readonly runMs: number }>;
  close(): Promise<void>;
}

export interface Calibration<One extends Contender> {
  /** Open; the caller's to close. */
  readonly contender: One;
  readonly layout: Layout;
  /** In the order of the candidates; those that time did not allow are not there. */
  readonly measured: readonly MeasuredLayout[];
}

export interface CalibrationOptions<One extends Contender> {
  /** Best guess first. */
  readonly candidates: readonly Layout[];
  open(layout: Layout): Promise<One>;
  nowMs(): number;
  /** After the first opening, which has to be anyway. No candidate is begun that would probably take longer. */
  readonly budgetMs?: number;
  readonly windowMs?: number;
}

const BUDGET_MS = 4000;
const WINDOW_MS = 120;
/** A B B A A B B A: a machine that is busy for a while is busy for both. */
const TURNS = [0, 1, 1, 0, 0, 1, 1, 0] as const;

/**
 * At most two engines are open at a time, and the winner stays open: a calibration costs the windows and the losers'
 * opening, nothing else. A candidate that cannot be opened has lost. The first one's failure is thrown.
 */
export async function calibrate<One extends Contender>(
  options: CalibrationOptions<One>,
): Promise<Calibration<One>> {
  const { candidates, open, nowMs, budgetMs = BUDGET_MS, windowMs = WINDOW_MS } = options;
  const [first, ...others] = candidates;
  if (first === undefined) throw new RangeError('no layout to open');
  const openingMs = nowMs();
  let champion = { layout: first, contender: await open(first) };
  if (others.length === 0) return { ...champion, measured: [] };
  const startMs = nowMs();
  const openMs = startMs - openingMs;
  const { runMs, fps } = await champion.contender.measure(windowMs);
  const turnMs = Math.max(windowMs, 2 * runMs);
  const duelMs = openMs + TURNS.length * turnMs;
  const measured: MeasuredLayout[] = [{ ...first, fps }];
  for (const layout of others) {
    if (nowMs() - startMs + duelMs > budgetMs) break;
    const contender = await open(layout).catch(() => undefined);
    if (contender === undefined) continue;
    const [held, fresh] = await duel([champion.contender, contender], turnMs);
    const at = measured.findIndex((one) => layoutText(one) === layoutText(champion.layout));
    measured[at] = { ...champion.layout, fps: held };
    measured.push({ ...layout, fps: fresh });
    const challenger = { layout, contender };
    const isNew = chooseLayout([measured[at], { ...layout, fps: fresh }]) !== measured[at];
    await (isNew ? champion : challenger).contender.close();
    if (isNew) champion = challenger;
  }
  return { ...champion, measured };
}

/** The best turn of each: other processes can only take from a rate, never add to it. */
async function duel(
  contenders: readonly [Contender, Contender],
  turnMs: number,
): Promise<[number, number]> {
  const best: [number, number] = [0, 0];
  for (const turn of TURNS) {
    best[turn] = Math.max(best[turn], (await contenders[turn].measure(turnMs)).fps);
  }
  return best;
}

/** `2 sessions × 1 thread: 190/s; next best 1 session × 2 threads: 131/s` */
export function calibrationText(chosen: Layout, measured: readonly MeasuredLayout[]): string {
  const said = (one: MeasuredLayout) => `${layoutText(one)}: ${one.fps.toPrecision(3)}/s`;
  const name = layoutText(chosen);
  const best = measured.find((one) => layoutText(one) === name);
  const rest = measured.filter((one) => one !== best).sort((a, b) => b.fps - a.fps);
  return [best && said(best), rest[0] && `next best ${said(rest[0])}`].filter(Boolean).join('; ');
}
