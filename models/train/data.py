"""The corpus in memory and the augmented views the training draws from it.

A view is a square window. Objects in it have the size they have when a picture is letterboxed to 416 (times a random
factor), so a network trained on cheap 256-pixel windows is right for 416-pixel pictures.
"""
import json
import math
import os
from pathlib import Path

import cv2
import numpy as np

from model import CLASSES, STRIDES

cv2.setNumThreads(0)  # its thread pool does not survive the fork of the feeder processes
PAD = 114
MAX_BOXES = 64
# How often a picture is drawn: rare classes and varied sources more, near-identical street frames less.
REPEAT = {"coco": 4.0, "bikeoi": 3.0, "jitesh": 2.0, "capimg": 1.3, "capcoco": 1.3, "caxtiq": 0.5, "hyuug": 0.7, "vocneg": 0.7}


class Corpus:
    """Decoded pictures (RGB, one memory-mapped file, built on first use) with boxes and the classes people completed."""

    def __init__(self, root, split, cache, clean=True, limit=None):
        root = Path(root)
        prefixes = json.loads((root / "sources.json").read_text())["clean_licence_prefixes"]
        rows = [json.loads(line) for line in (root / split / "labels.jsonl").read_text().splitlines()]
        self.rows = [r for r in rows if not clean or r["file"].rsplit("_", 1)[0] in prefixes][:limit]
        offsets = np.cumsum([0] + [r["w"] * r["h"] * 3 for r in self.rows])
        self.offsets = offsets
        path = Path(cache) / f"{split}{'-clean' if clean else ''}-{len(self.rows)}.rgb"
        if not path.exists() or path.stat().st_size != offsets[-1]:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(f"{path}.part", "wb") as out:
                for r in self.rows:
                    bgr = cv2.imread(str(root / split / r["file"]), cv2.IMREAD_COLOR)
                    out.write(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).tobytes())
            os.replace(f"{path}.part", path)
        self.pixels = np.memmap(path, np.uint8, "r")
        weights = np.array([self._weight(r) for r in self.rows])
        self.cumulative = np.cumsum(weights / weights.sum())

    @staticmethod
    def _weight(row):
        weight = next((w for p, w in REPEAT.items() if row["file"].startswith(p)), 1.0)
        return weight * (2.0 if any(b[0] in (4, 5) and b[5] == 1 for b in row["boxes"]) else 1.0)

    def __len__(self):
        return len(self.rows)

    def image(self, i):
        r = self.rows[i]
        return self.pixels[self.offsets[i]:self.offsets[i + 1]].reshape(r["h"], r["w"], 3)

    def draw(self, rng):
        return min(int(np.searchsorted(self.cumulative, rng.random())), len(self.rows) - 1)


def letterbox(image, size):
    """Keeps the aspect, pads right and bottom with 114: the picture [size,size,3] and its scale."""
    h, w = image.shape[:2]
    scale = min(size / w, size / h)
    nw, nh = max(1, round(w * scale)), max(1, round(h * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    out = np.full((size, size, 3), PAD, np.uint8)
    out[:nh, :nw] = cv2.resize(image, (nw, nh), interpolation=method)
    return out, scale


class Views:
    """Endless augmented views of `size` pixels. Not shared between processes: each has its own random numbers."""

    def __init__(self, corpus, size, seed, mosaic=0.5):
        self.corpus, self.size, self.mosaic = corpus, size, mosaic
        self.rng = np.random.default_rng(seed)

    def next(self):
        """(image [3,S,S] uint8 RGB, boxes [n,6]: class, x1, y1, x2, y2, score, background weight [A,8] uint8 in 1/2)."""
        size, rng = self.size, self.rng
        canvas = np.full((size, size, 3), PAD, np.uint8)
        weight = [np.full((size // s, size // s, len(CLASSES)), 2, np.uint8) for s in STRIDES]
        boxes = []
        if rng.random() < self.mosaic:
            cx, cy = (int(v) for v in rng.uniform(0.3, 0.7, 2) * size)
            rects = [(0, 0, cx, cy), (cx, 0, size, cy), (0, cy, cx, size), (cx, cy, size, size)]
            low, high = 0.3, 1.1
        else:
            rects, (low, high) = [(0, 0, size, size)], (max(0.5, 0.75 * size / 416), 1.5)
        for rect in rects:
            factor = math.exp(rng.uniform(math.log(low), math.log(high)))
            self._paste(canvas, weight, boxes, rect, factor)
        boxes = np.array(boxes[:MAX_BOXES], np.float32).reshape(-1, 6)
        return np.ascontiguousarray(canvas.transpose(2, 0, 1)), boxes, np.concatenate([w.reshape(-1, len(CLASSES)) for w in weight])

    def _paste(self, canvas, weight, boxes, rect, factor):
        """Warps one random picture into `rect`; a crop is centred near an object seven times in ten."""
        rng, i = self.rng, self.corpus.draw(self.rng)
        row, image = self.corpus.rows[i], self.corpus.image(i)
        w, h, rw, rh = row["w"], row["h"], rect[2] - rect[0], rect[3] - rect[1]
        scale, aspect = factor * 416 / max(w, h), math.exp(rng.uniform(-0.25, 0.25))
        sx, sy = scale * math.sqrt(aspect), scale / math.sqrt(aspect)
        if sx < 0.6 and w * h > 40000:  # shrink by area first, so that thin things do not flicker
            image = cv2.resize(image, (max(1, round(w * sx)), max(1, round(h * sy))), interpolation=cv2.INTER_AREA)
            sx, sy, pre = 1.0, 1.0, (image.shape[1] / w, image.shape[0] / h)
        else:
            pre = (1.0, 1.0)
        fx, fy = w / 2, h / 2
        targets = [b for b in row["boxes"] if b[5] >= 0.5 and b[0] < len(CLASSES)]
        if targets and rng.random() < 0.7:
            b = targets[rng.integers(len(targets))]
            fx, fy = b[1] + b[3] / 2, b[2] + b[4] / 2
        dx = self._offset(fx * pre[0] * sx, w * pre[0] * sx, rw)
        dy = self._offset(fy * pre[1] * sy, h * pre[1] * sy, rh)
        matrix = np.array([[sx, 0, dx], [0, sy, dy]])
        if rng.random() < 0.3:
            turn = cv2.getRotationMatrix2D((rw / 2, rh / 2), rng.uniform(-5, 5), 1.0)
            matrix = turn @ np.vstack([matrix, [0, 0, 1]])
        canvas[rect[1]:rect[3], rect[0]:rect[2]] = cv2.warpAffine(
            image, matrix, (rw, rh), flags=cv2.INTER_LINEAR, borderValue=(PAD, PAD, PAD))
        matrix = matrix @ np.diag([pre[0], pre[1], 1.0])
        for grid, s in zip(weight, STRIDES):
            grid[_cells(rect, s)] = [2 if c in row["complete"] else 1 for c in range(len(CLASSES))]
        for b in row["boxes"]:
            if b[0] < len(CLASSES):
                self._box(b, matrix, rect, weight, boxes)

    def _offset(self, focus, length, window):
        """Where the scaled side starts: anywhere inside when it fits, else so that the focus stays in the window."""
        rng = self.rng
        if length <= window:
            return rng.uniform(0, window - length)
        return min(0.0, max(window - length, window * rng.uniform(0.2, 0.8) - focus))

    @staticmethod
    def _box(b, matrix, rect, weight, boxes):
        cls, x, y, w, h, score, source = b
        corners = matrix @ np.array([[x, x + w, x, x + w], [y, y, y + h, y + h], [1, 1, 1, 1]])
        x1, y1 = corners.min(1) + (rect[0], rect[1])
        x2, y2 = corners.max(1) + (rect[0], rect[1])
        area = (x2 - x1) * (y2 - y1)
        x1, y1, x2, y2 = max(x1, rect[0]), max(y1, rect[1]), min(x2, rect[2]), min(y2, rect[3])
        if x2 - x1 < 2 or y2 - y1 < 2:
            return
        shown = (x2 - x1) * (y2 - y1) / area
        if source != "crowd" and score >= 0.5 and shown >= 0.4 and min(x2 - x1, y2 - y1) >= 3:
            boxes.append((cls, x1, y1, x2, y2, score))
        else:  # unsure, a crowd, or a sliver: neither object nor background
            for grid, s in zip(weight, STRIDES):
                grid[_cells((x1, y1, x2, y2), s)][..., cls] = 0


def _cells(rect, stride):
    """Slices of the grid cells whose centre lies in `rect`."""
    x1, y1, x2, y2 = (max(0, math.ceil(v / stride - 0.5)) for v in rect)
    return slice(y1, y2), slice(x1, x2)


def degrade(images, rng):
    """What cameras do to pictures, in place on a uint8 RGB batch [N,3,H,W] (numpy): night, noise, blur, JPEG, colour."""
    for image in images:
        dice = rng.random(6)
        tone = np.arange(256, dtype=np.float32)[None].repeat(3, 0)
        if dice[0] < 0.6:
            tone = (tone - 128) * rng.uniform(0.7, 1.3) + 128 + rng.uniform(-30, 30)
            tone *= rng.uniform(0.85, 1.15, (3, 1)).astype(np.float32)
        if dice[2] < 0.15:
            tone = 255 * np.power(tone.clip(0, 255) / 255, rng.uniform(1.5, 2.6))
        tone = tone.clip(0, 255).astype(np.uint8)
        x = np.stack([table[plane] for table, plane in zip(tone, image)])
        if dice[1] < 0.3 or dice[3] < 0.2:
            x = x.astype(np.float32)
            if dice[1] < 0.3:
                grey = x.mean(0, keepdims=True)
                x = grey + (x - grey) * (0.0 if dice[1] < 0.08 else rng.uniform(0.3, 1.6))
            if dice[3] < 0.2:
                x += rng.uniform(3, 14) * rng.standard_normal(x.shape, np.float32)
            x = x.clip(0, 255).astype(np.uint8)
        if dice[4] < 0.15:
            k = int(rng.integers(2, 4))
            x = cv2.blur(np.ascontiguousarray(x.transpose(1, 2, 0)), (k, k)).transpose(2, 0, 1)
        if dice[5] < 0.15:
            ok, data = cv2.imencode(".jpg", np.ascontiguousarray(x.transpose(1, 2, 0)), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 60))])
            x = cv2.imdecode(data, cv2.IMREAD_COLOR).transpose(2, 0, 1)
        image[:] = x
