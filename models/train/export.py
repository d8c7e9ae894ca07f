"""Writes the detector as ONNX, in FP32 and in INT8 (QDQ), and reads an FP32 file back as a start for further training.

The graphs are built node by node: input uint8 RGB, normalisation and box decoding inside, names of weights as in the model.
The INT8 graph needs no ReLU nodes: an unsigned byte with zero point 0 cannot be negative. It reads interleaved pixels, because
four neighbours of three bytes then are, without moving any, one point of twelve channels (a tenth of the time of planes). The
last 1x1 convolutions, as products of matrices, and the decoding stay in FP32: they cost little and set the boxes.
"""
import argparse
import hashlib
import json
import math
import subprocess
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.fx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from model import CLASSES, PATCH, STRIDES, Conv, Detector

# Added to the class logits: a young model is unsure of itself, and 0.36 becomes 0.60, the score from which a tracker
# believes a new object by default. The order of scores, and so AP, stays.
SCORE_SHIFT = 1.0

LARGEST = math.log(2048.0)  # half a box side in pixels that the exponential is cut at


class Maps(nn.Module):
    """The part with weights: image -> one map [N, classes + 4, h, w] a level."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return [head(p) for head, p in zip(self.net.heads, self.net.neck(*self.net.backbone(x)))]


class Graph:
    """Collects nodes and constants; methods return the name of what they made."""

    def __init__(self, planar):
        self.planar = planar  # the image's bytes: planes, or interleaved
        self.nodes, self.constants, self.names = [], {}, 0

    def const(self, value, name=None):
        name = name or self.fresh("c")
        self.constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def fresh(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def add(self, op, *inputs, name=None, **attributes):
        name = name or self.fresh(op.lower())
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name


def fold_strides(net):
    """Puts the strides into the last convolutions: they then give centre offsets in pixels and the log of half a side in pixels."""
    with torch.no_grad():
        for head, stride in zip(net.heads, STRIDES):
            nc = net.nc
            head.out.weight[nc:nc + 2] *= stride
            head.out.bias[nc:nc + 2] *= stride
            head.out.bias[nc + 2:] += math.log(stride / 2)
    return net


def build(net, ranges=None, meta=None):
    """The ONNX model of a fused network with folded strides; `ranges` (name of a ReLU -> largest value) makes it INT8."""
    graph = Graph(planar=ranges is None)
    rows = _emit_layers(graph, net, ranges)
    _emit_decode(graph, rows, net.nc)
    shape = ["batch", 3, "height", "width"] if ranges is None else ["batch", "height", "width", 3]
    image = helper.make_tensor_value_info("images", TensorProto.UINT8, shape)
    boxes = helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["batch", "anchors", 4])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", "anchors", net.nc])
    body = helper.make_graph(graph.nodes, "vedette", [image], [boxes, scores], list(graph.constants.values()))
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], producer_name="vedette", ir_version=8)
    helper.set_model_props(model, meta or {})
    onnx.checker.check_model(model)
    return model


def _emit_layers(graph, net, ranges):
    traced = torch.fx.symbolic_trace(Maps(net))
    modules = dict(traced.named_modules())
    ranges = ranges and _share_ranges(traced, modules, ranges)
    values, scales = {}, {}  # fx node -> tensor name, and its scale where it is a quantised tensor
    for node in traced.graph.nodes:
        if node.op == "placeholder" and ranges is None:
            values[node] = graph.add("Cast", "images", to=TensorProto.FLOAT)
        elif node.op == "placeholder":
            patches = graph.add("Reshape", "images", graph.const(np.array([0, 0, -1, 3 * PATCH], np.int64)))
            values[node], scales[node] = graph.add("Transpose", patches, perm=[0, 3, 1, 2]), 1 / 255
        elif node.op == "output":
            return [values[n] for n in node.args[0]]
        elif node.op == "call_module":
            _emit_module(graph, node, modules[node.target], values, scales, ranges)
        elif node.target is torch.cat:
            parts = node.args[0]
            if ranges is None:
                values[node] = graph.add("Concat", *(values[p] for p in parts), axis=1)
            else:
                scales[node] = max(scales[p] for p in parts)
                joined = graph.add("Concat", *(_dequantize(graph, values[p], scales[p]) for p in parts), axis=1)
                values[node] = _quantize(graph, joined, scales[node])
        else:
            raise ValueError(f"the export knows no {node.target}")


def _share_ranges(traced, modules, ranges):
    """One range for all that meet in a concatenation, which then only moves bytes."""
    ranges, groups = dict(ranges), []
    for node in traced.graph.nodes:
        if node.target is torch.cat:
            parts = set()
            for part in node.args[0]:
                while not isinstance(modules[part.target], nn.ReLU):
                    part = part.args[0]
                parts.add(part.target)
            linked = [g for g in groups if g & parts]
            groups = [g for g in groups if not g & parts] + [parts.union(*linked)]
    for group in groups:
        ranges.update(dict.fromkeys(group, max(ranges[name] for name in group)))
    return ranges


def _emit_module(graph, node, module, values, scales, ranges):
    source = node.args[0]
    if isinstance(module, nn.Conv2d) and node.target.endswith(".out"):
        values[node] = _emit_rows(graph, node, module, values, scales, ranges)
    elif isinstance(module, nn.Conv2d):
        values[node] = _emit_conv(graph, node, module, values, scales, ranges)
    elif isinstance(module, nn.Identity):
        values[node] = values[source]
    elif isinstance(module, nn.ReLU):
        if ranges is None:
            values[node] = graph.add("Relu", values[source])
        else:
            scales[node] = ranges[node.target] / 255
            values[node] = _quantize(graph, values[source], scales[node])
    elif isinstance(module, nn.MaxPool2d):
        k, p = module.kernel_size, module.padding
        attributes = {"kernel_shape": [k, k], "strides": [1, 1], "pads": [p] * 4}
        if ranges is None:
            values[node] = graph.add("MaxPool", values[source], **attributes)
        else:
            scales[node] = scales[source]
            pooled = graph.add("MaxPool", _dequantize(graph, values[source], scales[source]), **attributes)
            values[node] = _quantize(graph, pooled, scales[node])
    elif isinstance(module, nn.Upsample):
        if ranges is None:
            factors = graph.const(np.array([1, 1, 2, 2], np.float32))
            values[node] = graph.add("Resize", values[source], "", factors, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        else:
            scales[node], values[node] = scales[source], _double(graph, values[source])
    else:
        raise ValueError(f"the export knows no {type(module).__name__}")


def _emit_conv(graph, node, module, values, scales, ranges):
    source, name = node.args[0], node.target[len("net."):]
    weight, bias = module.weight.detach().numpy().copy(), module.bias.detach().numpy().copy()
    kernel, strides, pads = list(module.kernel_size), list(module.stride), list(module.padding) * 2
    first = source.op == "placeholder"
    if first and ranges is None:
        weight = weight / np.float32(255)
    elif first:  # the columns of a patch, each with its colours, are channels already
        weight = np.ascontiguousarray(weight.transpose(0, 3, 1, 2)).reshape(len(weight), 3 * PATCH, PATCH, 1)
        kernel, strides = [PATCH, 1], [PATCH, 1]
    x = values[source] if ranges is None else _dequantize(graph, values[source], scales[source])
    if ranges is None:
        w, b = graph.const(weight, f"{name}.weight"), graph.const(bias, f"{name}.bias")
    else:
        w, b = _quantized_weight(graph, name, weight, bias, scales[source])
    return graph.add("Conv", x, w, b, name=name, kernel_shape=kernel, strides=strides, pads=pads)


def _emit_rows(graph, node, module, values, scales, ranges):
    """The last 1x1 convolution of a level as a product of matrices in FP32: [N, C, h, w] -> [N * h * w, outputs]."""
    source, name = node.args[0], node.target[len("net."):]
    cells = graph.add("Transpose", values[source], perm=[0, 2, 3, 1])
    cells = graph.add("Reshape", cells, graph.const(np.array([-1, module.in_channels], np.int64)))
    if ranges is not None:
        cells = _dequantize(graph, cells, scales[source])
    weight = graph.const(module.weight.detach().numpy()[:, :, 0, 0].copy(), f"{name}.weight")
    return graph.add("Gemm", cells, weight, graph.const(module.bias.detach().numpy().copy(), f"{name}.bias"), name=name, transB=1)


def _double(graph, x):
    """Twice as wide and high by joining each row and each point with itself: ONNX Runtime's Resize of bytes takes ten times as long."""
    axis = lambda *values: graph.const(np.array(values, np.int64))
    size = graph.add("Mul", graph.add("Shape", x, start=2, end=4), axis(2, 2))
    channels = graph.add("Shape", x, start=1, end=2)
    points = graph.add("Unsqueeze", graph.add("Transpose", x, perm=[0, 2, 3, 1]), axis(3))
    wide = graph.add("Reshape", graph.add("Concat", points, points, axis=3), axis(0, 0, 1, -1))
    high = graph.add("Concat", wide, wide, axis=2)
    doubled = graph.add("Reshape", high, graph.add("Concat", axis(0), size, channels, axis=0))
    return graph.add("Transpose", doubled, perm=[0, 3, 1, 2])


def _quantize(graph, x, scale):
    return graph.add("QuantizeLinear", x, graph.const(np.float32(scale)), graph.const(np.uint8(0)))


def _dequantize(graph, x, scale):
    return graph.add("DequantizeLinear", x, graph.const(np.float32(scale)), graph.const(np.uint8(0)))


def _quantized_weight(graph, name, weight, bias, input_scale):
    """Signed bytes, one scale an output channel; the bias in 32 bits at the scale of the products."""
    scale = (np.abs(weight).reshape(len(weight), -1).max(1) / 127).clip(1e-8).astype(np.float32)
    integer = np.rint(weight / scale[:, None, None, None]).clip(-127, 127).astype(np.int8)
    w = graph.add("DequantizeLinear", graph.const(integer, f"{name}.weight"), graph.const(scale),
                  graph.const(np.zeros(len(scale), np.int8)), axis=0)
    both = (scale * np.float32(input_scale)).astype(np.float32)
    b = graph.add("DequantizeLinear", graph.const(np.rint(bias / both).clip(-2**31 + 1, 2**31 - 1).astype(np.int32), f"{name}.bias"),
                  graph.const(both), graph.const(np.zeros(len(scale), np.int32)), axis=0)
    return w, b


def _emit_decode(graph, levels, nc):
    """Rows [N * cells, nc + 4] of every level -> `boxes` and `scores`, for any size."""
    shape = graph.add("Concat", graph.add("Shape", "images", start=0, end=1), graph.const(np.array([-1, nc + 4], np.int64)), axis=0)
    rows = graph.add("Concat", *(graph.add("Reshape", level, shape) for level in levels), axis=1)
    logits, centre, sides = (
        graph.add("Slice", rows, *(graph.const(np.array([v], np.int64)) for v in (start, end, 2)))
        for start, end in ((0, nc), (nc, nc + 2), (nc + 2, nc + 4)))
    graph.add("Sigmoid", graph.add("Add", logits, graph.const(np.float32(SCORE_SHIFT))), name="scores")
    centre = graph.add("Add", centre, _corners(graph))
    half = graph.add("Exp", graph.add("Min", sides, graph.const(np.float32(LARGEST))))
    graph.add("Concat", graph.add("Sub", centre, half), graph.add("Add", centre, half), name="boxes", axis=2)


def _corners(graph):
    """x and y in pixels of every cell's corner [cells, 2]: those of the finest level, and every second and fourth of them."""
    fine = STRIDES[0]
    size = graph.add("Shape", "images")
    first = 2 if graph.planar else 1
    zero, step = graph.const(np.int64(0)), graph.const(np.int64(fine))
    y, x = (graph.add("Range", zero, graph.add("Gather", size, graph.const(np.int64(first + i)), axis=0), step) for i in (0, 1))
    y = graph.add("Reshape", y, graph.const(np.array([-1, 1, 1], np.int64)))
    x = graph.add("Reshape", x, graph.const(np.array([1, -1, 1], np.int64)))
    pair = [graph.add("Add", x, graph.add("Mul", y, zero)), graph.add("Add", y, graph.add("Mul", x, zero))]
    grid = graph.add("Cast", graph.add("Concat", *pair, axis=2), to=TensorProto.FLOAT)
    bounds = [graph.const(np.array(v, np.int64)) for v in ([0, 0], [2**31, 2**31], [0, 1])]
    levels = [graph.add("Slice", grid, *bounds, graph.const(np.array([s // fine] * 2, np.int64))) for s in STRIDES]
    flat = graph.const(np.array([-1, 2], np.int64))
    return graph.add("Concat", *(graph.add("Reshape", level, flat) for level in levels), axis=0)


@torch.no_grad()
def calibrate(net, images, samples=4000):
    """The clipping value of every ReLU of a fused network that loses least (mean square) when cut into 255 steps."""
    kept, hooks, chance = {}, [], torch.Generator().manual_seed(5)
    for name, module in net.named_modules():
        if isinstance(module, Conv):
            def hook(_, __, out, name=f"net.{name}.relu"):
                flat = out.flatten()
                pick = torch.randint(len(flat), (samples,), generator=chance)
                kept.setdefault(name, []).append(torch.cat([flat[pick], flat.max()[None]]))
            hooks.append(module.register_forward_hook(hook))
    for image in images:
        net(torch.from_numpy(image).float()[None] / 255)
    for hook in hooks:
        hook.remove()
    return {name: _best_range(torch.cat(values)) for name, values in kept.items()}


def _best_range(values):
    top, best = float(values.max()), (math.inf, 0.0)
    for share in np.linspace(0.2, 1.0, 65):
        limit = max(top * share, 1e-6)
        step = limit / 255
        error = float(((values / step).round().clamp(0, 255) * step - values).square().mean())
        best = min(best, (error, limit))
    return best[1]


def load_weights(net, path):
    """Weights of an FP32 file that `build` wrote, or the averaged ones of a checkpoint, into an unfused network."""
    if not str(path).endswith(".onnx"):
        net.load_state_dict(torch.load(path, map_location="cpu")["ema"])
        return net
    stored = {t.name: torch.from_numpy(np.array(numpy_helper.to_array(t))) for t in onnx.load(path).graph.initializer}
    with torch.no_grad():
        for name, module in net.named_modules():
            if isinstance(module, Conv):
                module.conv.weight.copy_(stored[f"{name}.conv.weight"] * (255 if name == "backbone.stem" else 1))
                module.bn.bias.copy_(stored[f"{name}.conv.bias"])
                module.bn.weight.fill_(1)
                module.bn.running_mean.zero_()
                module.bn.running_var.fill_(1 - module.bn.eps)
        for i, (head, stride) in enumerate(zip(net.heads, STRIDES)):
            weight, bias, nc = stored[f"heads.{i}.out.weight"].reshape(head.out.weight.shape), stored[f"heads.{i}.out.bias"], net.nc
            weight[nc:nc + 2] /= stride
            bias[nc:nc + 2] /= stride
            bias[nc + 2:] -= math.log(stride / 2)
            head.out.weight.copy_(weight)
            head.out.bias.copy_(bias)
    return net


def calibration_images(corpus, count=400, size=416):
    from data import letterbox
    rng = np.random.default_rng(0)
    for i in rng.choice(len(corpus), min(count, len(corpus)), replace=False):
        yield np.ascontiguousarray(letterbox(corpus.image(i), size)[0].transpose(2, 0, 1))


def manifest(path, name, version, layout):
    """The YAML text beside the file: what the agent must know to feed it, and the hash of the only bytes it will run.

    The scores that suit the tracker are found by `bench:detect`; those of the file that is replaced stand until then.
    """
    former = path.with_suffix(".yaml")
    lines = former.read_text().splitlines() if former.exists() else []
    tracking = "".join(f"{line}\n" for line in lines if line.startswith("tracking:"))
    return f"""name: {name}
version: '{version}'
licence: Apache-2.0
file: {path.name}
sha256: {hashlib.sha256(path.read_bytes()).hexdigest()}
head: vedette
input: {{ name: images, width: 416, height: 416, layout: {layout}, order: rgb, dtype: uint8, fit: corner, pad: 114 }}
labels: [{', '.join(CLASSES)}]
min_score: 0.1
nms_iou: 0.5
{tracking}max_batch: 64
"""


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("checkpoint", help="best.pt or last.pt of a training run, or an FP32 file")
    p.add_argument("--corpus", required=True, help="its pictures set the INT8 ranges")
    p.add_argument("--cache", default="/var/tmp/vedette-train/cache")
    p.add_argument("--to", default=str(Path(__file__).parent.parent))
    p.add_argument("--name", default="vedette-s")
    p.add_argument("--version", default="3")
    args = p.parse_args()
    from data import Corpus
    commit = subprocess.run(["git", "log", "-1", "--format=%H", "--", str(Path(__file__).parent)], capture_output=True, text=True, cwd=Path(__file__).parent).stdout.strip()
    meta = {"labels": json.dumps(CLASSES), "version": args.version, "head": "vedette", "training_commit": commit,
            "data": "COCO, PASCAL VOC 2012, Open Images V4 and Roboflow Universe pictures, listed in models/README.md; teacher YOLOX-nano",
            "licence": "Apache-2.0"}
    net = fold_strides(load_weights(Detector(), args.checkpoint).eval().fuse())
    corpus = Corpus(args.corpus, "train", args.cache)
    ranges = calibrate(net, calibration_images(corpus))
    for kind, layout, chosen in (("fp32", "planar", None), ("int8", "interleaved", ranges)):
        path = Path(args.to) / f"{args.name}-{kind}.onnx"
        onnx.save(build(net, chosen, {**meta, "precision": kind}), path)
        path.with_suffix(".yaml").write_text(manifest(path, f"{args.name}-{kind}", args.version, layout))
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
