// How far one reader of the outbox is: what it has settled, and what it was given and may be given again.

export class OutboxCursor {
  /** Everything up to here is settled. */
  private settledTo: number;
  /** Settled out of order, above `settledTo`. */
  private readonly early = new Set<number>();
  /** The last entry handed out. */
  private position: number;

  constructor(settledTo: number) {
    this.settledTo = settledTo;
    this.position = settledTo;
  }

  get at(): number {
    return this.settledTo;
  }

  /** How many entries up to `newest` are not settled. */
  backlog(newest: number): number {
    return Math.max(0, newest - this.settledTo) - this.early.size;
  }

  /** The entry to hand out next, or undefined when the reader has had everything up to `newest`. */
  peek(newest: number): number | undefined {
    while (this.early.has(this.position + 1)) this.position += 1;
    return this.position < newest ? this.position + 1 : undefined;
  }

  /** The entry that `peek` named was handed out. */
  advance(): void {
    this.position += 1;
  }

  /** Hands out everything unsettled again, oldest first. */
  rewind(): void {
    this.position = this.settledTo;
  }

  /** False when it was settled before, by the reader or by `skipTo`. */
  settle(seq: number): boolean {
    if (seq <= this.settledTo || this.early.has(seq)) return false;
    this.early.add(seq);
    while (this.early.delete(this.settledTo + 1)) this.settledTo += 1;
    this.position = Math.max(this.position, this.settledTo);
    return true;
  }

  /** Gives up everything up to `seq`; returns how many entries that loses. */
  skipTo(seq: number): number {
    if (seq <= this.settledTo) return 0;
    let lost = seq - this.settledTo;
    for (const early of this.early) {
      if (early > seq) continue;
      lost -= 1;
      this.early.delete(early);
    }
    this.settledTo = seq;
    while (this.early.delete(this.settledTo + 1)) this.settledTo += 1;
    this.position = Math.max(this.position, this.settledTo);
    return lost;
  }

  /** The same state for entries renumbered by `offset`, behind a backlog that begins after `settledTo`. */
  rebased(settledTo: number, offset: number): OutboxCursor {
    const cursor = new OutboxCursor(settledTo);
    for (let seq = 1; seq <= this.settledTo; seq++) cursor.early.add(seq + offset);
    for (const seq of this.early) cursor.early.add(seq + offset);
    return cursor;
  }
}
