"""An exported detector in the runtime that it ships for, for checks from Python; needs Node.js and the project's node_modules.

How good a file is, is measured by `npm run bench:detect`.
"""
import json
import subprocess
from pathlib import Path

import numpy as np
import onnx

from data import letterbox
from score import detections


class Runner:
    """One exported file in ONNX Runtime; calling it with an RGB picture gives rows class, x1, y1, x2, y2, score in its pixels."""

    def __init__(self, path, size=416):
        self.path, self.size = path, size
        self.interleaved = onnx.load(path).graph.input[0].type.tensor_type.shape.dim[3].dim_value == 3
        script = Path(__file__).parent / "infer.mjs"
        self.process = subprocess.Popen(["node", script, path, str(size), str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, image):
        boxes, scores = self.outputs(image)
        return detections(boxes, scores)

    def outputs(self, image):
        """All candidates: boxes [A,4] in pixels of the picture and scores [A,8]."""
        boxed, scale = letterbox(image, self.size)
        self.process.stdin.write(np.ascontiguousarray(boxed if self.interleaved else boxed.transpose(2, 0, 1)).tobytes())
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.path}: the runtime ended; its message is above")
        values = {}
        for output in json.loads(line):
            count = int(np.prod(output["shape"]))
            values[output["name"]] = np.frombuffer(self.process.stdout.read(4 * count), np.float32).reshape(output["shape"])
        return values["boxes"][0] / np.float32(scale), values["scores"][0]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
