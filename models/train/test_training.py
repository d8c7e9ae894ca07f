"""Self-checks of the training code; `python3 -m unittest` in this folder. Needs torch, OpenCV and onnx, no corpus and no GPU."""
import json
import math
import tempfile
import types
import unittest
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch

from data import Corpus, Views, letterbox
from export import SCORE_SHIFT, build, calibrate, fold_strides, load_weights
from loss import assign, learn_labels, overlap
from model import CLASSES, STRIDES, Detector, decode, grid
from pool import Pool
from score import average_precision, detections
from train import parse_deadline

NODE_MODULES = Path(__file__).parents[2] / "node_modules" / "onnxruntime-node"


def small_net(seed=0):
    """A detector whose batch norms have seen data, so that folding them is no identity."""
    torch.manual_seed(seed)
    net = Detector()
    for _ in range(3):
        net(torch.rand(2, 3, 64, 64))
    return net.eval()


def painted_corpus(folder, count=6):
    """Grey pictures with one saturated rectangle each, which is the labelled box."""
    rng = np.random.default_rng(3)
    (folder / "train").mkdir()
    rows = []
    for i in range(count):
        w, h = int(rng.integers(200, 449)), int(rng.integers(200, 449))
        x, y, bw, bh = int(w * 0.3), int(h * 0.4), int(w * 0.3), int(h * 0.25)
        image = np.full((h, w, 3), 90, np.uint8)
        image[y:y + bh, x:x + bw] = (0, 0, 255)
        cv2.imwrite(str(folder / "train" / f"a_{i}.png"), image)
        rows.append({"file": f"a_{i}.png", "w": w, "h": h, "boxes": [[i % 8, x, y, bw, bh, 1, "gt"]], "complete": [0, 1]})
    (folder / "train" / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "sources.json").write_text(json.dumps({"clean_licence_prefixes": ["a"]}))
    return Corpus(folder, "train", folder / "cache")


class ModelTest(unittest.TestCase):
    def test_points_match_outputs_at_any_size(self):
        net = small_net()
        for height, width in ((64, 64), (96, 160)):
            logits, raw, _ = net(torch.rand(1, 3, height, width))
            points, strides = grid(height, width)
            self.assertEqual(logits.shape, (1, len(points), len(CLASSES)))
            self.assertEqual(raw.shape, (1, len(strides), 4))

    def test_folding_keeps_the_outputs(self):
        net, x = small_net(), torch.rand(1, 3, 96, 96)
        with torch.no_grad():
            before = net(x)[:2]
            after = net.fuse()(x)[:2]
        for a, b in zip(before, after):
            torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


class DataTest(unittest.TestCase):
    def test_boxes_follow_the_pixels(self):
        with tempfile.TemporaryDirectory() as folder:
            views = Views(painted_corpus(Path(folder)), 256, seed=1, mosaic=0.5)
            checked = 0
            for _ in range(60):
                image, boxes, _ = views.next()
                red = (image[0] > 200) & (image[2] < 60)
                covered = np.zeros_like(red)
                for _, x1, y1, x2, y2, _ in boxes:
                    self.assertTrue(0 <= x1 < x2 <= 256 and 0 <= y1 < y2 <= 256)
                    covered[max(0, math.floor(y1) - 2):math.ceil(y2) + 2, max(0, math.floor(x1) - 2):math.ceil(x2) + 2] = True
                    inner = red[math.ceil(y1):int(y2), math.ceil(x1):int(x2)]
                    if inner.size > 200:  # rotation by 5 degrees leaves corners empty
                        self.assertGreater(inner.mean(), 0.6)
                        checked += 1
                if len(boxes) == 1 and checked:
                    self.assertLess((red & ~covered).mean(), 0.05)
            self.assertGreater(checked, 20)

    def test_background_weight_knows_complete_classes(self):
        with tempfile.TemporaryDirectory() as folder:
            _, _, weight = Views(painted_corpus(Path(folder)), 256, seed=2, mosaic=1.0).next()
            self.assertTrue((weight[:, :2] == 2).mean() > 0.8)
            self.assertTrue((weight[:, 2:] <= 1).all())

    def test_letterbox_pads_right_and_bottom(self):
        out, scale = letterbox(np.full((100, 200, 3), 7, np.uint8), 64)
        self.assertAlmostEqual(scale, 0.32)
        self.assertTrue((out[:32] == 7).all() and (out[32:] == 114).all())

    def test_mirrored_maps_decode_to_mirrored_boxes(self):
        size = 64
        points, strides = grid(size, size)
        raw = torch.randn(len(points), 4) * 0.3
        mirrored = raw.numpy().copy()
        Pool._mirror_points(types.SimpleNamespace(size=size), mirrored)
        mirrored[:, 0] = 1 - mirrored[:, 0]
        a, b = decode(raw, points, strides), decode(torch.from_numpy(mirrored), points, strides)
        a = torch.stack([size - a[:, 2], a[:, 1], size - a[:, 0], a[:, 3]], 1)
        torch.testing.assert_close(a.sort(0).values, b.sort(0).values, atol=1e-4, rtol=1e-4)


class LossTest(unittest.TestCase):
    def setUp(self):
        self.points, self.strides = grid(64, 64)
        self.gt = torch.full((2, 4, 6), -1.0)
        self.gt[0, 0] = torch.tensor([2.0, 10, 10, 40, 50, 1.0])
        self.gt[0, 1] = torch.tensor([0.0, 2, 2, 7, 7, 1.0])  # smaller than a cell

    def test_overlap_of_known_boxes(self):
        a, b = torch.tensor([0.0, 0, 2, 2]), torch.tensor([1.0, 1, 3, 3])
        self.assertAlmostEqual(float(overlap(a, b)), 1 / 7, places=5)
        self.assertAlmostEqual(float(overlap(a, b, generalized=True)), 1 / 7 - 2 / 9, places=5)

    def test_every_box_gets_points_and_empty_pictures_none(self):
        scores = torch.full((2, len(self.points), len(CLASSES)), 0.01)
        boxes = decode(torch.zeros(2, len(self.points), 4), self.points, self.strides)
        owner, quality = assign(scores, boxes, self.gt, self.points, self.strides)
        self.assertEqual(set(owner[0].tolist()), {-1, 0, 1})
        self.assertTrue((owner[1] == -1).all())
        self.assertTrue((quality <= 1).all() and (quality[owner < 0] == 0).all())

    def test_ignored_regions_give_no_gradient(self):
        logits = torch.zeros(2, len(self.points), len(CLASSES), requires_grad=True)
        raw = torch.zeros(2, len(self.points), 4, requires_grad=True)
        background = torch.ones(2, len(self.points), len(CLASSES))
        background[1, :, 3] = 0
        sum(learn_labels(logits, raw, self.gt, background, self.points, self.strides)).backward()
        self.assertEqual(float(logits.grad[1, :, 3].abs().sum()), 0)
        self.assertGreater(float(logits.grad[1, :, 2].abs().sum()), 0)

    def test_a_few_steps_learn_one_box(self):
        logits = torch.full((2, len(self.points), len(CLASSES)), -4.0, requires_grad=True)
        raw = torch.zeros(2, len(self.points), 4, requires_grad=True)
        optimizer = torch.optim.Adam([logits, raw], 0.1)
        for _ in range(150):
            loss = sum(learn_labels(logits, raw, self.gt, torch.ones_like(logits), self.points, self.strides))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        boxes = decode(raw, self.points, self.strides)[0].detach().numpy()
        rows = detections(boxes, logits[0].detach().sigmoid().numpy(), threshold=0.5)
        found = {int(r[0]): r[1:5] for r in rows}
        np.testing.assert_allclose(found[2], [10, 10, 40, 50], atol=1)
        np.testing.assert_allclose(found[0], [2, 2, 7, 7], atol=1)


class ScoreTest(unittest.TestCase):
    def test_average_precision_by_hand(self):
        truth = [np.array([[0, 0, 10, 10], [20, 20, 30, 30.0]])]
        found = [np.array([[0, 0, 10, 10, 0.9], [50, 50, 60, 60, 0.8], [20, 20, 30, 30, 0.7]])]
        none = [np.zeros((0, 4))]
        # precision 1 up to recall 0.5 (51 points), then 2/3 (50 points)
        self.assertAlmostEqual(average_precision(found, truth, none), (51 + 50 * 2 / 3) / 101)
        crowd = [np.array([[45, 45, 70, 70.0]])]
        self.assertAlmostEqual(average_precision(found, truth, crowd), 1.0)

    def test_a_second_find_of_one_object_is_false(self):
        truth, none = [np.array([[0, 0, 10, 10.0]])], [np.zeros((0, 4))]
        found = [np.array([[0, 0, 10, 9, 0.9], [0, 0, 10, 10, 0.8]])]
        self.assertAlmostEqual(average_precision(found, truth, none), 1.0)
        self.assertIsNone(average_precision(found, none, none))


class ExportTest(unittest.TestCase):
    def test_a_shipped_file_starts_the_next_training(self):
        net, x = small_net(), torch.rand(1, 3, 96, 96)
        with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
            before = net(x)[:2]
            onnx.save(build(fold_strides(net.fuse())), f"{folder}/m.onnx")
            after = load_weights(Detector(), f"{folder}/m.onnx").eval()(x)[:2]
        for a, b in zip(before, after):
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)

    def test_int8_graph_keeps_bytes_between_convolutions(self):
        net = fold_strides(small_net().fuse())
        ranges = calibrate(net, [np.random.default_rng(0).integers(0, 256, (3, 64, 64), np.uint8)])
        model = build(net, ranges)
        weights = {t.name: t.data_type for t in model.graph.initializer}
        self.assertEqual(weights["backbone.s8.0.conv.weight"], onnx.TensorProto.INT8)
        self.assertEqual(weights["heads.0.out.weight"], onnx.TensorProto.FLOAT)
        self.assertFalse([n for n in model.graph.node if n.op_type == "Relu"])

    @unittest.skipUnless(NODE_MODULES.exists(), "onnxruntime-node is not installed (npm ci)")
    def test_the_runtime_agrees_with_torch(self):
        from runtime import Runner
        net, found = small_net(), {}
        with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
            image = cv2.resize(np.random.default_rng(1).integers(0, 256, (12, 12, 3), np.uint8), (96, 96))
            image[:, ::2] //= 2  # so that neighbours in a patch must not be mixed up
            logits, raw, _ = net(torch.from_numpy(image.transpose(2, 0, 1).copy()).float()[None] / 255)
            points, strides = grid(96, 96)
            expected = decode(raw, points, strides)[0].numpy(), (logits[0] + SCORE_SHIFT).sigmoid().numpy()
            fused = fold_strides(net.fuse())
            ranges = calibrate(fused, [image.transpose(2, 0, 1).copy()])
            for name, model in (("fp32", build(fused)), ("int8", build(fused, ranges))):
                onnx.save(model, f"{folder}/{name}.onnx")
                runner = Runner(f"{folder}/{name}.onnx", 96)
                found[name] = runner.outputs(image)
                runner.close()
        for a, b in zip(found["fp32"], expected):
            np.testing.assert_allclose(a, b, atol=1e-2, rtol=1e-3)
        np.testing.assert_allclose(found["int8"][0], expected[0], atol=8)
        given, wanted = (np.log(v / (1 - v)) for v in (found["int8"][1], expected[1]))
        # Bytes cost 0.4 % of the spread; rows and colours of a patch exchanged would cost 1.4 %.
        self.assertLess(np.abs(given - wanted).mean() / wanted.std(), 0.008)


class ScheduleTest(unittest.TestCase):
    def test_deadlines(self):
        noon = 1_700_049_600.0  # 2023-11-15 12:00 UTC
        self.assertEqual(parse_deadline("+90", noon), noon + 5400)
        self.assertEqual(parse_deadline("12:30", noon), noon + 1800)
        self.assertEqual(parse_deadline("11:00", noon), noon + 23 * 3600)


if __name__ == "__main__":
    unittest.main()
