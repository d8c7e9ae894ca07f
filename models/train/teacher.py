"""The teacher: YOLOX-nano's ONNX file run by torch, at any input size, on CPU or GPU.

YOLOX-nano needs a dozen operators, so its graph is walked node by node instead of going through a second runtime; that way
every tensor inside it can be read, and the student learns from the features as well as from the output.
"""
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
import torch.nn.functional as F

# COCO class -> our class: person, bicycle, car, motorcycle, bus, truck, cat, dog.
COCO = [0, 1, 2, 3, 5, 7, 15, 16]
# Tensors the student's c3, c4, c5 and n3, n4, n5 are taught to predict, with their channels.
FEATURES = {"781": 64, "841": 128, "886": 256, "956": 64, "990": 128, "1024": 256}


def _attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


class Teacher(nn.Module):
    """`forward(images)`: BGR 0..255 [N,3,H,W] -> (class scores [N,A,8], raw boxes [N,A,4], features); no gradient."""

    def __init__(self, path, features=()):
        super().__init__()
        graph = onnx.load(path).graph
        self.nodes = [(n.op_type, [i for i in n.input if i], n.output[0], _attributes(n)) for n in graph.node]
        self.output, self.input, self.features = graph.output[0].name, graph.input[0].name, list(features)
        self.consts = {}
        for tensor in graph.initializer:
            value = torch.from_numpy(np.array(numpy_helper.to_array(tensor)))
            if value.dtype == torch.float32 and value.ndim > 0:
                self.register_buffer("w" + tensor.name.replace(".", "_"), value)
            self.consts[tensor.name] = value
        last = {name: i for i, node in enumerate(self.nodes) for name in node[1]}
        self.free = [[n for n, at in last.items() if at == i and n not in self.features] for i in range(len(self.nodes))]

    def _const(self, name):
        key = "w" + name.replace(".", "_")
        return getattr(self, key) if key in self._buffers else self.consts[name]

    @torch.no_grad()
    def forward(self, images):
        values = {self.input: images}
        for (op, inputs, output, attr), free in zip(self.nodes, self.free):
            args = [values[i] if i in values else self._const(i) for i in inputs]
            values[output] = _run(op, args, attr)
            for name in free:
                values.pop(name, None)
        out = values[self.output].float()
        return out[..., 4:5] * out[..., 5:][..., COCO], out[..., :4], [values[f] for f in self.features]


def _run(op, args, attr):
    if op == "Conv":
        bias = args[2] if len(args) > 2 else None
        return F.conv2d(args[0], args[1], bias, attr["strides"], attr["pads"][:2], attr["dilations"], attr["group"])
    if op == "Sigmoid":
        return torch.sigmoid(args[0])
    if op == "Mul":
        return args[0] * args[1]
    if op == "Add":
        return args[0] + args[1]
    if op == "Concat":
        return torch.cat(args, attr["axis"])
    if op == "MaxPool":
        return F.max_pool2d(args[0], attr["kernel_shape"], attr["strides"], attr["pads"][:2])
    if op == "Resize":
        return F.interpolate(args[0], scale_factor=2.0, mode="nearest")
    if op == "Transpose":
        return args[0].permute(attr["perm"])
    if op == "Reshape":
        return args[0].reshape([args[0].shape[0]] + args[1].tolist()[1:])  # the file says batch 1
    if op == "Slice":
        starts, ends, axes, steps = (a.tolist() for a in args[1:5])
        index = [slice(None)] * args[0].ndim
        for start, end, axis, step in zip(starts, ends, axes, steps):
            index[axis] = slice(start, min(end, args[0].shape[axis]), step)
        return args[0][tuple(index)]
    raise ValueError(f"the teacher's graph has an operator this reader does not know: {op}")
