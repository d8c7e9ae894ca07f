"""AP50 of ONNX files, class by class and by object size, on pictures that no training saw, YOLOX-nano beside them.

Scores what ships, in ONNX Runtime: needs Node.js and the project's node_modules. Sets: the corpus' validation split and
folders with COCO annotations (airport10_person, coco_val80, vehicle8).
"""
import argparse
import json
import subprocess
from pathlib import Path

import cv2
import numpy as np
import onnx

from data import letterbox
from model import CLASSES, STRIDES
from score import average_precision, detections, overlaps
from teacher import COCO

VEHICLES = ["car", "bus", "truck"]
SIZES = {"all": (0, 1e9), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e9)}
COCO_IDS = dict(zip(CLASSES, [1, 2, 3, 4, 6, 8, 17, 18]))


class Runner:
    """One ONNX file in ONNX Runtime; calling it with an RGB picture gives rows class, x1, y1, x2, y2, score in its pixels."""

    def __init__(self, path, size=416):
        self.path, self.size, self.yolox = path, size, "yolox" in Path(path).name
        self.interleaved = onnx.load(path).graph.input[0].type.tensor_type.shape.dim[3].dim_value == 3
        script = Path(__file__).parent / "infer.mjs"
        self.process = subprocess.Popen(["node", script, path, str(size), str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, image):
        boxes, scores = self.outputs(image)
        return detections(boxes, scores)

    def outputs(self, image):
        """All candidates: boxes [A,4] in pixels of the picture and scores [A,8]."""
        boxed, scale = letterbox(image, self.size)
        if self.yolox:
            boxed = boxed[..., ::-1].astype(np.float32)
        self.process.stdin.write(np.ascontiguousarray(boxed if self.interleaved else boxed.transpose(2, 0, 1)).tobytes())
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.path}: the runtime ended; its message is above")
        values = {}
        for output in json.loads(line):
            count = int(np.prod(output["shape"]))
            values[output["name"]] = np.frombuffer(self.process.stdout.read(4 * count), np.float32).reshape(output["shape"])
        boxes, scores = self._yolox(next(iter(values.values()))[0]) if self.yolox else (values["boxes"][0], values["scores"][0])
        return boxes / np.float32(scale), scores

    def _yolox(self, rows):
        cells, steps = [], []
        for s in STRIDES:
            side = self.size // s
            y, x = np.mgrid[:side, :side]
            cells.append(np.stack([x, y], -1).reshape(-1, 2))
            steps.append(np.full((side * side, 1), s))
        cells, steps = np.concatenate(cells), np.concatenate(steps)
        centre, half = (rows[:, :2] + cells) * steps, np.exp(rows[:, 2:4]) * steps / 2
        return np.concatenate([centre - half, centre + half], 1), rows[:, 4:5] * rows[:, 5:][:, COCO]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def coco_set(folder):
    """(image path, truth rows class, x1, y1, x2, y2, crowd; classes labelled) a picture of a folder with COCO annotations."""
    folder = Path(folder)
    data = json.loads((folder / "annotations.json").read_text())
    names = {c["id"]: c["name"] for c in data["categories"]}
    index = {name: i for i, name in enumerate(CLASSES)} | {"vehicle": CLASSES.index("car")}
    labelled = sorted({index[n] for n in names.values() if n in index})
    boxes = {image["id"]: [] for image in data["images"]}
    for a in data["annotations"]:
        if names[a["category_id"]] in index:
            x, y, w, h = a["bbox"]
            boxes[a["image_id"]].append((index[names[a["category_id"]]], x, y, x + w, y + h, a.get("iscrowd", 0)))
    for image in data["images"]:
        bgr = cv2.imread(str(folder / "images" / Path(image["file_name"]).name), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.array(boxes[image["id"]], np.float32).reshape(-1, 6), labelled


def clip_set(video, truth):
    """The marked frames of a video; persons only."""
    marked = {f["frame"]: f for f in json.loads(Path(truth).read_text())["frames"]}
    capture = cv2.VideoCapture(str(video))
    for number in range(max(marked) + 1):
        read, bgr = capture.read()
        if not read:
            raise RuntimeError(f"{video}: no frame {number}")
        if number in marked:
            rows = [(0, x, y, x + w, y + h, kind == "ignore") for kind in ("persons", "ignore") for x, y, w, h in marked[number][kind]]
            yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.array(rows, np.float32).reshape(-1, 6), [0]


def val_rows(corpus):
    """(file, picture, truth rows as in `coco_set`, classes people completed) of the validation split."""
    root = Path(corpus) / "val"
    for line in (root / "labels.jsonl").read_text().splitlines():
        row = json.loads(line)
        truth = [(b[0], b[1], b[2], b[1] + b[3], b[2] + b[4], b[5] == 0) for b in row["boxes"]]
        image = cv2.cvtColor(cv2.imread(str(root / row["file"])), cv2.COLOR_BGR2RGB)
        yield row["file"], image, np.array(truth, np.float32).reshape(-1, 6), [c for c in row["complete"] if c < len(CLASSES)]


def merge(rows, keep):
    """Only the classes of `keep`, all as the first of them."""
    rows = rows[np.isin(rows[:, 0], keep)].copy()
    rows[:, 0] = keep[0]
    return rows


def score_set(pictures, runner, merged=None):
    """{class: {size: AP50}}; `merged` counts these classes as one. Size is the area in the picture's own pixels."""
    found, truth, ignore = ({c: [] for c in CLASSES} for _ in range(3))
    for image, rows, labelled in pictures:
        dets = runner(image)
        if merged:
            keep = [CLASSES.index(c) for c in merged]
            dets, rows, labelled = merge(dets, keep), merge(rows, keep), keep[:1]
        for c in labelled:
            mine = rows[rows[:, 0] == c]
            found[CLASSES[c]].append(dets[dets[:, 0] == c][:, 1:])
            truth[CLASSES[c]].append(mine[mine[:, 5] == 0][:, 1:5])
            ignore[CLASSES[c]].append(mine[mine[:, 5] > 0][:, 1:5])
    result = {}
    for c in CLASSES:
        if sum(map(len, truth[c])):
            result[c] = {name: by_size(found[c], truth[c], ignore[c], *bounds) for name, bounds in SIZES.items()}
            result[c]["objects"] = sum(map(len, truth[c]))
    return result


def by_size(found, truth, ignore, low, high):
    """AP50 over objects of one size range: other objects, and finds of other sizes that match nothing, are ignored."""
    area = lambda b: (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    within = lambda b: (area(b) >= low) & (area(b) < high)
    if (low, high) == SIZES["all"]:
        return average_precision(found, truth, ignore)
    finds, real, skipped = [], [], []
    for dets, boxes, regions in zip(found, truth, ignore):
        inside = within(boxes)
        others = boxes[~inside]
        matches_other = np.array([len(others) > 0 and _best_iou(d, others) >= 0.5 for d in dets[:, :4]], bool)
        matches_mine = np.array([inside.any() and _best_iou(d, boxes[inside]) >= 0.5 for d in dets[:, :4]], bool)
        keep = matches_mine | (within(dets[:, :4]) & ~matches_other)
        finds.append(dets[keep.reshape(-1)])
        real.append(boxes[inside])
        skipped.append(regions)
    return average_precision(finds, real, skipped)


def _best_iou(box, others):
    return overlaps(box, others).max()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("models", nargs="+")
    p.add_argument("--shared", required=True, help="folder with corpus/, images/ and models/")
    p.add_argument("--size", type=int, default=416)
    p.add_argument("--clip", help="vtest.avi of Debian's opencv-doc: also score the frames marked in test/fixtures/vtest-truth.json")
    p.add_argument("--json", help="also write the figures here")
    args = p.parse_args()
    shared = Path(args.shared)
    models = [*args.models, str(shared / "models" / "yolox_nano_416.onnx")]
    sets = {"airport10_person": (lambda: coco_set(shared / "images/airport10_person"), None),
            "coco_val80": (lambda: coco_set(shared / "images/coco_val80"), None),
            "vehicle8": (lambda: coco_set(shared / "images/vehicle8"), VEHICLES),
            "corpus val": (lambda: (row[1:] for row in val_rows(shared / "corpus")), None)}
    if args.clip:
        truth = Path(__file__).parents[2] / "test" / "fixtures" / "vtest-truth.json"
        sets["demo clip"] = (lambda: clip_set(args.clip, truth), None)
    figures = {}
    for model in models:
        runner = Runner(model, args.size)
        figures[Path(model).name] = {name: score_set(make(), runner, merged) for name, (make, merged) in sets.items()}
        runner.close()
    report(figures)
    if args.json:
        Path(args.json).write_text(json.dumps(figures, indent=1))


def report(figures):
    """A Markdown table: AP50 of each file, as a share of YOLOX-nano's in brackets, and by size for the last file but YOLOX-nano."""
    *names, base = figures
    print("| set | class | objects | YOLOX-nano | " + " | ".join(Path(n).stem for n in names) + f" | {Path(names[-1]).stem} small / medium / large |")
    print("|---|---|---|---|" + "---|" * (len(names) + 1))
    for dataset, classes in figures[base].items():
        for c, reference in classes.items():
            cells = [share(figures[n][dataset][c]["all"], reference["all"]) for n in names]
            sizes = " / ".join("-" if figures[names[-1]][dataset][c][s] is None else f"{100 * figures[names[-1]][dataset][c][s]:.0f}" for s in ("small", "medium", "large"))
            print(f"| {dataset} | {c} | {reference['objects']} | {100 * reference['all']:.1f} | " + " | ".join(cells) + f" | {sizes} |")
        if len(classes) > 1:
            means = {n: float(np.mean([v["all"] for v in figures[n][dataset].values()])) for n in figures}
            cells = [share(means[n], means[base]) for n in names]
            print(f"| {dataset} | **mean** | | {100 * means[base]:.1f} | " + " | ".join(cells) + " | |")


def share(ap, reference):
    return f"{100 * ap:.1f} ({ap / reference:.2f})" if reference > 0.01 else f"{100 * ap:.1f}"


if __name__ == "__main__":
    main()
