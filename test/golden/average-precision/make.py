"""Writes cases.json: synthetic truth and detections with the figures that pycocotools gives for them.

Made with pycocotools 2.0.11 and numpy 2.4 (`pip install pycocotools`): `python3 make.py > cases.json`.
"""
import contextlib
import io
import json
import random

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SIZES = ["all", "small", "medium", "large"]


def near(box, random_, most):
    """The box moved and scaled by up to a share `most` of its sides."""
    x, y, w, h = box
    a, b, c, d = (random_.uniform(-most, most) for _ in range(4))
    return [x + a * w, y + b * h, w * (1 + c), h * (1 + d)]


def case(name, seed, pictures, labels, crowds, ties, finds):
    r = random.Random(seed)
    truth, found = [], []
    for picture in range(1, pictures + 1):
        for label in range(1, labels + 1):
            for _ in range(r.randrange(0, 7)):
                side = r.choice([12, 25, 32, 50, 96, 140])
                box = [r.uniform(0, 500), r.uniform(0, 400), side * r.uniform(0.6, 1), side * r.uniform(0.6, 1)]
                box = [round(v, 2) for v in box]
                crowd = int(r.random() < crowds)
                # As in COCO the area is that of an outline, smaller than the box.
                area = round(box[2] * box[3] * r.choice([1, 0.7]), 2)
                truth.append({"id": len(truth) + 1, "image_id": picture, "category_id": label, "bbox": box, "area": area, "iscrowd": crowd})
                for _ in range(r.choice([0, 1, 1, 2, 4 if crowd else 1])):
                    found.append({"image_id": picture, "category_id": label, "bbox": near(box, r, r.choice([0, 0.05, 0.15, 0.3])), "score": r.random()})
            for _ in range(r.randrange(0, finds)):
                found.append({"image_id": picture, "category_id": label, "bbox": [r.uniform(0, 500), r.uniform(0, 400), r.uniform(5, 150), r.uniform(5, 150)], "score": r.random() * 0.7})
    for row in found:
        row["bbox"] = [round(v, 2) for v in row["bbox"]]
        row["score"] = round(row["score"], 1 if ties else 4)
    images = [{"id": i} for i in range(1, pictures + 1)]
    categories = [{"id": i, "name": f"label{i}"} for i in range(1, labels + 1)]
    data = {"images": images, "annotations": truth, "categories": categories}
    return {"name": name, "truth": data, "found": found, "expected": evaluate(data, found)}


def evaluate(data, found):
    """{label: {size: {ap50, ap, objects}}}; null where no object has the size."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = json.loads(json.dumps(data))
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(json.loads(json.dumps(found))), "bbox")
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"]  # IoU, recall, label, size, most finds
    result = {}
    for k, category in enumerate(data["categories"]):
        result[category["name"]] = {
            size: {"ap50": mean(precision[0, :, k, a, 2]), "ap": mean(precision[:, :, k, a, 2])} for a, size in enumerate(SIZES)
        }
    return result


def mean(values):
    return None if (values == -1).all() else float(np.mean(values))


print(json.dumps([
    case("plain", 1, 6, 2, 0, False, 4),
    case("crowds", 2, 6, 2, 0.35, False, 4),
    case("ties of scores", 3, 8, 2, 0.1, True, 5),
    case("more than a hundred finds", 7, 3, 1, 0.1, False, 400),
    case("one object a label, if any", 5, 1, 6, 0, False, 2),
]))
