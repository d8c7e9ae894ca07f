// Which of two guesses about an object came true lately: that it goes on as it moved, or that it stays where it was.

// Squared errors, in box heights, before anything is known: in favour of going on.
const PRIOR = 0.01;
const FORGET_S = 1;

/**
 * Somebody who walks is where the filter expects them; somebody who dances, turns or stops is as likely where they
 * were seen last. Both guesses are kept, and each counts by its squared error of the last second or so (what
 * interacting multiple models do, Blom and Bar-Shalom 1988, without their mixing).
 */
export class Foresight {
  private going = 0;
  private staying = 0;

  /** Both guesses as `x1 y1 x2 y2`, and where it was detected: the box at `at`, `afterMs` later. */
  learn(
    expected: Float64Array,
    observed: Float64Array,
    corners: Float64Array,
    at: number,
    afterMs: number,
  ): void {
    const remembered = Math.exp(-afterMs / 1000 / FORGET_S);
    this.going = this.going * remembered + squaredError(expected, corners, at);
    this.staying = this.staying * remembered + squaredError(observed, corners, at);
  }

  /** How much the guess that it goes on is believed, 0..1; 1 before the first lesson. */
  get share(): number {
    const going = this.going * this.going;
    const staying = (this.staying + PRIOR) * (this.staying + PRIOR);
    return staying / (staying + going);
  }
}

function squaredError(guess: Float64Array, corners: Float64Array, at: number): number {
  const height = corners[at + 3]! - corners[at + 1]!;
  const dx = (guess[0]! + guess[2]! - corners[at]! - corners[at + 2]!) / (2 * height);
  const dy = (guess[1]! + guess[3]! - corners[at + 1]! - corners[at + 3]!) / (2 * height);
  return dx * dx + dy * dy;
}
