// MOTChallenge text: one box per line, `frame,id,left,top,width,height,score,…` in pixels, frames from 1.

export interface MotRow {
  readonly frame: number;
  /** -1 for a detection that belongs to no track. */
  readonly id: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** In ground truth: 0 marks a row to ignore. */
  readonly score: number;
  /** Eighth column of ground truth; -1 when there is none. */
  readonly classId: number;
}

/** Throws with the line number when a line has fewer than six numbers. */
export function parseMot(text: string, name: string): MotRow[] {
  const rows: MotRow[] = [];
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    const values = line.split(/[,\s]+/).map(Number);
    const [frame, id, left, top, width, height, score = 1, classId = -1] = values;
    if (height === undefined || values.slice(0, 6).some(Number.isNaN)) {
      throw new Error(`${name}:${i + 1}: expected frame,id,left,top,width,height[,score[,class]]`);
    }
    rows.push({
      frame: frame!,
      id: id!,
      left: left!,
      top: top!,
      width: width!,
      height,
      score,
      classId,
    });
  });
  return rows;
}

/** One line without its line break; two decimals, as evaluation servers expect. */
export function motLine(row: Omit<MotRow, 'classId'>): string {
  const box = [row.left, row.top, row.width, row.height].map((value) => value.toFixed(2));
  return `${row.frame},${row.id},${box.join(',')},${Number(row.score.toFixed(4))},-1,-1,-1`;
}
