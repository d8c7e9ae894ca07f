// Tells on standard error how far a long measurement is: one line that changes on a terminal, a line now and then elsewhere.
const TERMINAL_EVERY_MS = 200;
const FILE_EVERY_MS = 10_000;

export class Progress {
  private readonly out: NodeJS.WriteStream = process.stderr;
  private name = '';
  private total = 0;
  private done = 0;
  private beganMs = 0;
  private toldMs = 0;

  begin(name: string, total: number): void {
    this.name = name;
    this.total = total;
    this.done = 0;
    this.beganMs = performance.now();
    this.toldMs = 0;
  }

  step(): void {
    this.done += 1;
    const nowMs = performance.now();
    const isLast = this.done === this.total;
    const everyMs = this.out.isTTY ? TERMINAL_EVERY_MS : FILE_EVERY_MS;
    if (!isLast && nowMs - this.toldMs < everyMs) return;
    this.toldMs = nowMs;
    const seconds = (nowMs - this.beganMs) / 1000;
    const left = (seconds / this.done) * (this.total - this.done);
    const time = isLast ? `${seconds.toFixed(0)} s` : `${left.toFixed(0)} s left`;
    const line = `${this.name}: ${this.done} of ${this.total}, ${time}`;
    if (this.out.isTTY) this.out.write(`\r${line.padEnd(60)}${isLast ? '\n' : ''}`);
    else this.out.write(`${line}\n`);
  }

  note(text: string): void {
    this.out.write(`${text}\n`);
  }
}
