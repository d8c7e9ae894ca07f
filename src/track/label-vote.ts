// What an object is, by the votes of all its detections.

/** Sums scores per label, so that one sure look outweighs two doubtful ones. */
export class LabelVote {
  private readonly votes = new Map<string, number>();
  private leader: string;

  constructor(label: string, score: number) {
    this.leader = label;
    this.votes.set(label, score);
  }

  add(label: string, score: number): void {
    const sum = (this.votes.get(label) ?? 0) + score;
    this.votes.set(label, sum);
    if (sum > this.votes.get(this.leader)!) this.leader = label;
  }

  get winner(): string {
    return this.leader;
  }
}
