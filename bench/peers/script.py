"""What people write first: OpenCV reads, ONNX Runtime infers, one loop. A peer of the bench, not a part of Vedette.

script.py MODEL CLIP SECONDS PROCESSES FPS CAMERAS
PROCESSES 1: capture and inference in one loop a camera. 2: capture in a process of its own, frames through a queue of two.
FPS 0: as fast as it goes; otherwise the clip is paced and this many frames a second are inferred of each camera.
Prints one JSON line: frames inferred, seconds, CPU milliseconds of all processes, and their PSS, of a window without the start.
"""
import json
import multiprocessing
import os
import sys
import time

import cv2
import numpy as np
import onnxruntime

SIZE = 416


def letterbox(image):
    scale = min(SIZE / image.shape[0], SIZE / image.shape[1])
    height, width = round(image.shape[0] * scale), round(image.shape[1] * scale)
    out = np.full((SIZE, SIZE, 3), 114, np.uint8)
    out[:height, :width] = cv2.resize(image, (width, height))
    return np.ascontiguousarray(out.transpose(2, 0, 1)[None], np.float32), scale


class Detector:
    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name
        cells, strides = [], []
        for stride in (8, 16, 32):
            side = SIZE // stride
            y, x = np.mgrid[:side, :side]
            cells.append(np.stack([x, y], -1).reshape(-1, 2))
            strides.append(np.full((side * side, 1), stride))
        self.cells, self.strides = np.concatenate(cells), np.concatenate(strides)

    def __call__(self, image):
        tensor, scale = letterbox(image)
        rows = self.session.run(None, {self.name: tensor})[0][0]
        scores = rows[:, 4:5] * rows[:, 5:]
        labels, best = scores.argmax(1), scores.max(1)
        kept = best > 0.3
        centre = (rows[kept, :2] + self.cells[kept]) * self.strides[kept] / scale
        size = np.exp(rows[kept, 2:4]) * self.strides[kept] / scale
        boxes = np.concatenate([centre - size / 2, size], 1)
        chosen = cv2.dnn.NMSBoxes(boxes.tolist(), best[kept].tolist(), 0.3, 0.5)
        return [(int(labels[kept][i]), float(best[kept][i]), boxes[i]) for i in np.array(chosen).reshape(-1)]


def frames(clip, fps):
    """Endless (time of arrival, picture); paced by the clip's own rate when `fps` is set, and then thinned to it."""
    while True:
        capture = cv2.VideoCapture(clip)
        rate = capture.get(cv2.CAP_PROP_FPS) or 25
        every, start, count = max(1, round(rate / fps)) if fps else 1, time.monotonic(), 0
        while True:
            ok, image = capture.read()
            if not ok:
                break
            count += 1
            if fps:
                time.sleep(max(0, start + count / rate - time.monotonic()))
            if count % every == 0:
                yield time.monotonic(), image


def capture_into(queue, clip, fps):
    for item in frames(clip, fps):
        if fps and queue.full():
            continue  # stale frames are dropped, as everybody learns to do
        queue.put(item)


def camera(model, clip, processes, fps, count, delays, ready):
    cv2.setNumThreads(1)
    detector = Detector(model)
    if processes == 2:
        queue = multiprocessing.Queue(2)
        multiprocessing.Process(target=capture_into, args=(queue, clip, fps), daemon=True).start()
        source = iter(queue.get, None)
    else:
        source = frames(clip, fps)
    for arrived, image in source:
        detector(image)
        with count.get_lock():
            count.value += 1
        delays[count.value % len(delays)] = time.monotonic() - arrived
        ready.set()


def tree(pid):
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    return [pid] + [p for child in children for p in tree(int(child))]


def cpu_ms(pids):
    total = 0
    for pid in pids:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total * 1000 / os.sysconf("SC_CLK_TCK")


def pss_mb(pid):
    text = open(f"/proc/{pid}/smaps_rollup").read()
    return int(text.split("Pss:")[1].split()[0]) / 1024


def main():
    model, clip, seconds, processes, fps, cameras = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6])
    count, delays = multiprocessing.Value("q", 0), multiprocessing.Array("d", 4096)
    readies = [multiprocessing.Event() for _ in range(cameras)]
    runs = [multiprocessing.Process(target=camera, args=(model, clip, processes, fps, count, delays, ready)) for ready in readies]
    for run in runs:
        run.start()
    for ready in readies:
        ready.wait()
    time.sleep(1)
    pids = tree(os.getpid())[1:]
    before, start, first = cpu_ms(pids), time.monotonic(), count.value
    time.sleep(seconds)
    used, passed, inferred = cpu_ms(pids) - before, time.monotonic() - start, count.value - first
    late = sorted(d for d in delays if d > 0)
    print(json.dumps({
        "frames": inferred, "seconds": passed, "cpu_ms": used, "pss_mb": sum(map(pss_mb, pids)),
        "p50_ms": 1000 * late[len(late) // 2], "p95_ms": 1000 * late[int(len(late) * 0.95)],
    }))
    for pid in reversed(pids):
        os.kill(pid, 9)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()
