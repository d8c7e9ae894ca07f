"""Trains the detector until a deadline, resuming after any interruption. `train.py --help` lists the knobs; README.md the recipe.

Learning rate and window size follow the share of the time budget that is used, not an epoch count, so that a shared or a
faster machine ends its schedule just as well.
"""
import argparse
import copy
import json
import math
import os
import signal
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import torch

from data import Corpus, letterbox
from loss import copy_features, copy_teacher, learn_labels
from model import CLASSES, Detector, decode, grid
from pool import Pool, teach
from score import average_precision, detections
from teacher import FEATURES, Teacher


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--corpus", required=True, help="folder with train/, val/ and sources.json")
    p.add_argument("--teacher", required=True, help="YOLOX-nano as ONNX")
    p.add_argument("--out", default="/var/tmp/vedette-train", help="checkpoints, cache, log and curves")
    p.add_argument("--until", default="+60", help="end of the schedule: HH:MM (UTC) or +minutes")
    p.add_argument("--init", help="start from the weights of a shipped FP32 ONNX file or of a checkpoint")
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--sizes", default="256,416", help="window sizes before and after --enlarge-at")
    p.add_argument("--enlarge-at", type=float, default=0.7, help="share of the schedule")
    p.add_argument("--pool", type=int, default=1600, help="views kept in memory")
    p.add_argument("--feeders", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--label-weight", type=float, default=0.5)
    p.add_argument("--feature-weight", type=float, default=1.0)
    p.add_argument("--evaluate-every", type=float, default=20, help="minutes")
    p.add_argument("--limit", type=int, help="train on the first pictures only (overfitting check)")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return p.parse_args()


def parse_deadline(text, now):
    if text.startswith("+"):
        return now + 60 * float(text[1:])
    clock = datetime.strptime(text, "%H:%M")
    moment = datetime.fromtimestamp(now, timezone.utc).replace(hour=clock.hour, minute=clock.minute, second=0)
    return (moment if moment.timestamp() > now else moment + timedelta(days=1)).timestamp()


class Trainer:
    def __init__(self, args):
        self.args, self.device = args, torch.device(args.device)
        self.out = Path(args.out)
        self.out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(1)
        self.rng = np.random.default_rng(int(time.time()))
        self.model = Detector().to(self.device, memory_format=torch.channels_last)
        widths = [48, 96, 160, 48, 48, 48]
        self.project = torch.nn.ModuleList(torch.nn.Conv2d(a, b, 1) for a, b in zip(widths, FEATURES.values())).to(self.device)
        decayed = [p for m in (self.model, self.project) for p in m.parameters() if p.ndim > 1]
        plain = [p for m in (self.model, self.project) for p in m.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}], lr=args.lr)
        self.step, self.progress, self.moments, self.history = 0, 0.0, None, []
        self.ema = copy.deepcopy(self.model).eval()
        self._resume()
        self.corpus = Corpus(args.corpus, "train", self.out / "cache", limit=args.limit)
        self.val = Corpus(args.corpus, "val", self.out / "cache", clean=False)
        self.teacher = Teacher(args.teacher, FEATURES).eval().to(self.device) if self.device.type == "cuda" else None
        self.stop = False  # set by a signal; the run then saves and ends
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)

    def _stop(self, *_):
        self.stop = True

    def _resume(self):
        path = self.out / "last.pt"
        if path.exists():
            state = torch.load(path, map_location=self.device)
            for key in ("model", "ema", "project", "optimizer"):
                getattr(self, key).load_state_dict(state[key])
            self.step, self.progress, self.moments, self.history = state["step"], state["progress"], state["moments"], state["history"]
            self.log(f"resumed at step {self.step}, {100 * self.progress:.1f} % of the schedule")
        elif self.args.init:
            from export import load_weights
            load_weights(self.model, self.args.init)
            self.ema.load_state_dict(self.model.state_dict())
            self.log(f"started from {self.args.init}")

    def save(self):
        state = {key: getattr(self, key).state_dict() for key in ("model", "ema", "project", "optimizer")}
        state.update(step=self.step, progress=self.progress, moments=self.moments, history=self.history)
        torch.save(state, self.out / "last.part")
        os.replace(self.out / "last.part", self.out / "last.pt")
        (self.out / "history.json").write_text(json.dumps(self.history))

    def log(self, line):
        stamped = f"{datetime.now(timezone.utc):%H:%M:%S} {line}"
        print(stamped, flush=True)
        with open(self.out / "train.log", "a") as f:
            f.write(stamped + "\n")

    def run(self):
        args = self.args
        start, first = time.time(), self.progress
        end = parse_deadline(args.until, start)
        sizes = [int(s) for s in args.sizes.split(",")]
        pool, size, evaluated, saved = None, None, time.time(), time.time()
        tick, seen, sums = time.time(), 0, np.zeros(5)
        while self.progress < 1 and not self.stop:
            wanted = sizes[0] if self.progress < args.enlarge_at else sizes[-1]
            if wanted != size:
                size, pool = wanted, self._fill(pool, wanted)
                points, strides = grid(size, size, self.device)
            self.progress = min(1.0, first + (1 - first) * (time.time() - start) / (end - start))
            sums += self._train_step(pool, points, strides)
            seen += 1
            if seen == 50:
                rate, left = seen * args.batch / (time.time() - tick), (end - time.time()) / 60
                mean = " ".join(f"{n} {v:.3f}" for n, v in zip(("cls", "box", "feature", "label-cls", "label-box"), sums / seen))
                reuse = pool.drawn / max(1, pool.made.value)
                self.log(f"step {self.step} {100 * self.progress:.1f} % {mean} | {rate:.0f}/s, {pool.made.value} views (x{reuse:.1f}), {left:.0f} min left")
                self.history.append({"step": self.step, "progress": self.progress, "losses": (sums / seen).tolist()})
                tick, seen, sums = time.time(), 0, np.zeros(5)
            if time.time() - saved > 120:
                self.save()
                saved = time.time()
            if time.time() - evaluated > 60 * args.evaluate_every:
                self.evaluate()
                evaluated = tick = time.time()
                seen, sums = 0, np.zeros(5)
        if pool:
            pool.close()
        if not self.stop:
            self.evaluate()
        self.save()

    def _fill(self, old, size):
        if old:
            old.close()
        args = self.args
        pool = Pool(self.corpus, size, args.pool, args.feeders, int(self.rng.integers(1 << 30)),
                    None if self.teacher else args.teacher, mosaic=0.5 if self.progress < args.enlarge_at else 0.25)
        pool.wait(0.1)
        if self.moments is None:
            _, clean, _, _, taught = pool.draw(128, self.rng, self.device)
            features = (taught or teach(self.teacher, clean))[2:]
            self.moments = [(f.float().mean((0, 2, 3), keepdim=True), f.float().std((0, 2, 3), keepdim=True) + 1e-3)
                            for f in features]
        return pool

    def _train_step(self, pool, points, strides):
        args, share = self.args, self.progress
        images, clean, gt, background, taught = pool.draw(args.batch, self.rng, self.device)
        taught = taught or teach(self.teacher, clean)
        warm = min(1.0, (self.step + 1) / 300)
        for group in self.optimizer.param_groups:
            group["lr"] = args.lr * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))
        self.model.train()
        x = images.float().div_(255).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            logits, raw, features = self.model(x)
            predicted = [p(f) for p, f in zip(self.project, features)]
        logits, raw = logits.float(), raw.float()
        distil = copy_teacher(logits, raw, taught[0].float(), taught[1].float(), points, strides)
        mimic = copy_features(predicted, taught[2:], self.moments)
        label = learn_labels(logits, raw, gt, background.float() / 2, points, strides)
        loss = distil[0] + distil[1] + args.feature_weight * (1 - 0.7 * share) * mimic + args.label_weight * (label[0] + label[1])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self.optimizer.step()
        self.step += 1
        keep = min(0.9995, self.step / (self.step + 20))
        for mine, theirs in zip(self.ema.state_dict().values(), self.model.state_dict().values()):
            if mine.dtype.is_floating_point:
                mine.mul_(keep).add_(theirs, alpha=1 - keep)
        return np.array([v.item() for v in (*distil, mimic, *label)])

    @torch.no_grad()
    def evaluate(self, size=416):
        """AP50 a class on the validation split with the averaged weights; also saves them as best.pt when they are the best."""
        points, strides = grid(size, size, self.device)
        found, truth, ignore = ([[] for _ in CLASSES] for _ in range(3))
        for i, row in enumerate(self.val.rows):
            image, scale = letterbox(self.val.image(i), size)
            x = torch.from_numpy(image.transpose(2, 0, 1)[None].copy()).to(self.device).float() / 255
            with torch.autocast(self.device.type, dtype=torch.bfloat16):
                logits, raw, _ = self.ema(x.contiguous(memory_format=torch.channels_last))
            boxes = decode(raw.float(), points, strides)[0] / scale
            rows = detections(boxes.cpu().numpy(), logits[0].float().sigmoid().cpu().numpy())
            given = np.array([(b[0], b[1], b[2], b[1] + b[3], b[2] + b[4], b[5]) for b in row["boxes"]], np.float32).reshape(-1, 6)
            for c in row["complete"]:
                if c < len(CLASSES):
                    mine = given[given[:, 0] == c]
                    found[c].append(rows[rows[:, 0] == c][:, 1:])
                    truth[c].append(mine[mine[:, 5] > 0][:, 1:5])
                    ignore[c].append(mine[mine[:, 5] == 0][:, 1:5])
        ap = {name: average_precision(*lists) for name, *lists in zip(CLASSES, found, truth, ignore)}
        mean = float(np.mean([v for v in ap.values() if v is not None]))
        self.log("val AP50 " + " ".join(f"{n} {100 * v:.1f}" for n, v in ap.items() if v is not None) + f" mean {100 * mean:.1f}")
        best = max((h["mean"] for h in self.history if "mean" in h), default=0)
        self.history.append({"step": self.step, "progress": self.progress, "ap": ap, "mean": mean})
        if mean >= best:
            torch.save({"ema": self.ema.state_dict(), "step": self.step, "mean": mean}, self.out / "best.pt")
        return mean


if __name__ == "__main__":
    args = arguments()
    torch.set_num_threads(args.threads)
    Trainer(args).run()
