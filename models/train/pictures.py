"""A grid of validation pictures with what the detector found: the six it handles best and the six it handles worst.

Green: found. Red: missed. Yellow: no such object was marked there. Only pictures under CC BY 4.0, whose credit the model card holds,
and none that shows a person close by.
"""
import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from model import CLASSES
from runtime import Runner
from score import overlaps

SOURCES = ("caxtiq", "capimg", "caproom", "caplobby")
GREEN, RED, YELLOW = (60, 220, 60), (60, 60, 255), (0, 220, 255)


def val_rows(corpus):
    """(file, picture, truth rows class, x1, y1, x2, y2, ignored; classes people completed) of the validation split."""
    root = Path(corpus) / "val"
    for line in (root / "labels.jsonl").read_text().splitlines():
        row = json.loads(line)
        truth = [(b[0], b[1], b[2], b[1] + b[3], b[2] + b[4], b[5] == 0) for b in row["boxes"]]
        image = cv2.cvtColor(cv2.imread(str(root / row["file"])), cv2.COLOR_BGR2RGB)
        yield row["file"], image, np.array(truth, np.float32).reshape(-1, 6), [c for c in row["complete"] if c < len(CLASSES)]


def judge(rows, truth, labelled, threshold):
    """(F1, found rows, missed truth, false rows) of one picture at IoU 0.5, over the classes people labelled."""
    rows = rows[(rows[:, 5] >= threshold) & np.isin(rows[:, 0], labelled)]
    real, ignore = truth[truth[:, 5] == 0], truth[truth[:, 5] > 0]
    free, found, false = np.ones(len(real), bool), [], []
    for row in rows:
        over = overlaps(row[1:5], real[:, 1:5]) * free * (real[:, 0] == row[0])
        if len(over) and over.max() >= 0.5:
            free[over.argmax()] = False
            found.append(row)
        elif not (len(ignore) and overlaps(row[1:5], ignore[:, 1:5], crowd=True).max() >= 0.5):
            false.append(row)
    return 2 * len(found) / max(1, len(found) + len(false) + len(real)), found, real[free], false


def draw(image, verdict, width=360, height=240):
    _, found, missed, false = verdict
    scale = min(width / image.shape[1], height / image.shape[0])
    image = cv2.resize(image[..., ::-1], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((height, width, 3), 40, np.uint8)
    for rows, colour in ((missed, RED), (false, YELLOW), (found, GREEN)):
        for row in rows:
            x1, y1, x2, y2 = (int(v * scale) for v in row[1:5])
            cv2.rectangle(image, (x1, y1), (x2, y2), colour, 1)
            cv2.putText(image, CLASSES[int(row[0])], (x1, max(8, y1 - 2)), cv2.FONT_HERSHEY_SIMPLEX, 0.32, colour, 1, cv2.LINE_AA)
    canvas[:image.shape[0], :image.shape[1]] = image
    return canvas


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("model")
    p.add_argument("out")
    p.add_argument("--corpus", required=True)
    p.add_argument("--threshold", type=float, default=0.4)
    args = p.parse_args()
    runner, judged = Runner(args.model), []
    for file, image, truth, labelled in val_rows(args.corpus):
        tall = truth[(truth[:, 0] == 0) & (truth[:, 4] - truth[:, 2] > 0.5 * image.shape[0])]
        if file.startswith(SOURCES) and (truth[:, 5] == 0).sum() >= 2 and not len(tall):
            judged.append((image, judge(runner(image), truth, labelled, args.threshold)))
    runner.close()
    judged.sort(key=lambda pair: -pair[1][0])
    step = max(1, len(judged) // 4 // 6)
    chosen = judged[:6 * step:step] + judged[-6:]
    tiles = [draw(*pair) for pair in chosen]
    cv2.imwrite(args.out, np.vstack([np.hstack(tiles[i:i + 3]) for i in range(0, len(tiles), 3)]), [cv2.IMWRITE_JPEG_QUALITY, 72])


if __name__ == "__main__":
    main()
