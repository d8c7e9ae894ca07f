"""From network outputs to AP50: suppression, matching with ignore regions, average precision."""
import numpy as np


def nms(boxes, scores, limit=0.65, keep=100):
    """Indices of the boxes [n,4] that survive, best first."""
    order, kept = np.argsort(-scores), []
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while len(order) and len(kept) < keep:
        i, order = order[0], order[1:]
        kept.append(i)
        lt, rb = np.maximum(boxes[i, :2], boxes[order, :2]), np.minimum(boxes[i, 2:], boxes[order, 2:])
        inter = (rb - lt).clip(0).prod(1)
        order = order[inter / (area[i] + area[order] - inter + 1e-9) <= limit]
    return kept


def detections(boxes, scores, threshold=0.01, limit=0.65, most=1000):
    """One picture's outputs [A,4] and [A,C] -> rows class, x1, y1, x2, y2, score; suppression within each class."""
    rows = []
    for c in range(scores.shape[1]):
        index = np.flatnonzero(scores[:, c] > threshold)
        index = index[np.argsort(-scores[index, c])][:most]
        for k in nms(boxes[index], scores[index, c], limit):
            rows.append((c, *boxes[index[k]], scores[index[k], c]))
    rows = np.array(rows, np.float32).reshape(-1, 6)
    return rows[np.argsort(-rows[:, 5])][:100]


def overlaps(box, others, crowd=False):
    """IoU of one box with others [n,4]; with `crowd`, the share of the box that the others cover."""
    lt, rb = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    inter = (rb - lt).clip(0).prod(1)
    own = (box[2:] - box[:2]).prod()
    return inter / (own + 1e-9) if crowd else inter / (own + (others[:, 2:] - others[:, :2]).prod(1) - inter + 1e-9)


def average_precision(found, truth, ignore, iou=0.5):
    """AP at one IoU (101 recall points, as COCO) of one class, or None without truth.

    Lists over pictures: found [n,5] (x1, y1, x2, y2, score), truth [m,4], ignore [k,4] (finds there count neither way).
    """
    total = sum(len(t) for t in truth)
    if not total:
        return None
    marks = []
    for dets, boxes, regions in zip(found, truth, ignore):
        free = np.ones(len(boxes), bool)
        for det in dets[np.argsort(-dets[:, 4], kind="stable")]:
            over = overlaps(det[:4], boxes) * free if len(boxes) else np.zeros(0)
            if len(over) and over.max() >= iou:
                free[over.argmax()] = False
                marks.append((det[4], 1))
            elif not (len(regions) and overlaps(det[:4], regions, crowd=True).max() >= iou):
                marks.append((det[4], 0))
    if not marks:
        return 0.0
    marks = np.array(sorted(marks, key=lambda m: -m[0]))
    hits = np.cumsum(marks[:, 1])
    recall, precision = hits / total, hits / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.mean(np.append(precision, 0.0)[np.minimum(at, len(precision))]))
