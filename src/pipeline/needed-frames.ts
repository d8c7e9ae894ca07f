// Which printed frames a camera process has to keep: results that come make crops and stills of them.

/**
 * Counts what is under way to the model.
 *
 * A frame is needed until its result is there, and from then on until that of another frame is: crops and stills are
 * asked for as a result is interpreted.
 */
export class NeededFrames {
  private readonly underWay = new Map<number, number>();
  private last = 0;

  /** The oldest that is needed; 0 before the first result. */
  get from(): number {
    return Math.min(this.last, ...this.underWay.keys());
  }

  /** A print was asked for; a newer frame may be printed in its place. */
  asked(sequence: number): void {
    this.underWay.set(sequence, (this.underWay.get(sequence) ?? 0) + 1);
  }

  /** Its result is there; `printed` is undefined when nothing was printed. */
  came(sequence: number, printed: number | undefined): void {
    const left = (this.underWay.get(sequence) ?? 0) - 1;
    if (left > 0) this.underWay.set(sequence, left);
    else this.underWay.delete(sequence);
    this.last = Math.max(this.last, printed ?? 0);
  }
}
