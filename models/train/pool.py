"""A pool of views in shared memory: feeder processes keep replacing the oldest, the trainer draws at random.

Making a view (decode, warp, teacher) costs more than one student step, so each view is drawn several times, mirrored or not;
feeders and trainer never wait for each other once the pool is full.
"""
import mmap
import multiprocessing
import os
import signal
import time

import numpy as np
import torch

from data import MAX_BOXES, Views, degrade
from model import CLASSES, STRIDES
from teacher import FEATURES, Teacher

FEATURE_STRIDES = (8, 16, 32, 8, 16, 32)


def _shared(shape, dtype):
    memory = mmap.mmap(-1, int(np.prod(shape)) * np.dtype(dtype).itemsize)
    return np.frombuffer(memory, dtype).reshape(shape)


class Pool:
    """`teacher_path` set: the feeders run the teacher and `draw` degrades anew (CPU training). Unset: the trainer runs the
    teacher and the feeders degrade (GPU training), each where the time is."""

    def __init__(self, corpus, size, count, feeders, seed, teacher_path=None, mosaic=0.5):
        self.size, self.count, self.teacher_path = size, count, teacher_path
        points = sum((size // s) ** 2 for s in STRIDES)
        nc = len(CLASSES)
        self.images = _shared((count, 3, size, size), np.uint8)
        self.clean = None if teacher_path else _shared((count, 3, size, size), np.uint8)
        self.boxes = _shared((count, MAX_BOXES, 6), np.float32)
        self.weight = _shared((count, points, nc), np.uint8)
        self.taught = []
        if teacher_path:
            shapes = [(points, nc), (points, 4)] + [(c, size // s, size // s) for c, s in zip(FEATURES.values(), FEATURE_STRIDES)]
            self.taught = [_shared((count, *shape), np.float16) for shape in shapes]
        context = multiprocessing.get_context("fork")
        self.made, self.drawn = context.Value("q", 0), 0
        self.processes = [context.Process(target=self._feed, args=(corpus, seed + k, mosaic), daemon=True) for k in range(feeders)]
        for process in self.processes:
            process.start()

    def _feed(self, corpus, seed, mosaic):
        torch.set_num_threads(1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        parent, group = os.getppid(), 8
        views = Views(corpus, self.size, seed, mosaic)
        teacher = Teacher(self.teacher_path, FEATURES).eval() if self.teacher_path else None
        while os.getppid() == parent:
            made = [views.next() for _ in range(group)]
            taught = teach(teacher, torch.from_numpy(np.stack([m[0] for m in made]))) if teacher else []
            with self.made.get_lock():
                at = self.made.value
                self.made.value += group
            for k, (image, boxes, weight) in enumerate(made):
                i = (at + k) % self.count
                if self.clean is not None:
                    self.clean[i] = image
                    degrade(image[None], views.rng)
                self.images[i], self.weight[i] = image, weight
                self.boxes[i, :, 0] = -1
                self.boxes[i, :len(boxes)] = boxes
                for store, values in zip(self.taught, taught):
                    store[i] = values[k].numpy()

    def wait(self, share=1.0):
        """Blocks until that share of the pool holds views."""
        while self.made.value < self.count * share:
            if not any(p.is_alive() for p in self.processes):
                raise RuntimeError("every feeder process has died; its traceback is above")
            time.sleep(0.2)

    def draw(self, n, rng, device):
        """n different views, half of them mirrored: (images, clean images or None, boxes, background weight, taught or [])."""
        self.drawn += n
        filled = min(self.made.value, self.count)
        index = rng.choice(filled, n, replace=False)
        mirror = rng.random(n) < 0.5
        images, boxes, weight = self.images[index], self.boxes[index], self.weight[index]
        clean = None if self.clean is None else self.clean[index]
        taught = [t[index] for t in self.taught]
        for k in np.flatnonzero(mirror):
            for pixels in (images, clean):
                if pixels is not None:
                    pixels[k] = pixels[k, :, :, ::-1]
            boxes[k, :, [1, 3]] = self.size - boxes[k, :, [3, 1]]
            self._mirror_points(weight[k])
            if taught:
                self._mirror_points(taught[0][k])
                self._mirror_points(taught[1][k])
                taught[1][k, :, 0] = 1 - taught[1][k, :, 0]
                for feature in taught[2:]:
                    feature[k] = feature[k, :, :, ::-1]
        if clean is None:
            degrade(images, rng)
        move = lambda a: None if a is None else torch.from_numpy(a).to(device, non_blocking=True)
        return move(images), move(clean), move(boxes), move(weight), [move(t) for t in taught]

    def _mirror_points(self, rows):
        start = 0
        for s in STRIDES:
            side = self.size // s
            level = rows[start:start + side * side].reshape(side, side, -1)
            level[:] = level[:, ::-1].copy()
            start += side * side

    def close(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.join()


def teach(teacher, images):
    """The teacher's [scores, raw boxes, *features] for uint8 RGB images."""
    scores, raw, features = teacher(images.flip(1).float().contiguous(memory_format=torch.channels_last))
    return [scores, raw.clamp(-100, 100), *features]
