"""Plots a run's losses and validation AP50: curves.py history.json curves.png."""
import json
import sys

import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt

from model import CLASSES

NAMES = ("teacher's classes", "teacher's boxes", "teacher's features", "labels' classes", "labels' boxes")


def plot(history, path):
    losses = [h for h in history if "losses" in h]
    scores = [h for h in history if "ap" in h]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    for i, name in enumerate(NAMES):
        left.plot([h["step"] for h in losses], [h["losses"][i] for h in losses], label=name, linewidth=1)
    left.set(xlabel="step", ylabel="loss", yscale="log", title="training")
    for name in CLASSES:
        right.plot([h["step"] for h in scores], [100 * (h["ap"][name] or 0) for h in scores], label=name, linewidth=1)
    right.plot([h["step"] for h in scores], [100 * h["mean"] for h in scores], "k", label="mean", linewidth=2)
    right.set(xlabel="step", ylabel="AP50", title="validation, averaged weights")
    for axes in (left, right):
        axes.legend(fontsize=7)
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    with open(sys.argv[1]) as f:
        plot(json.load(f), sys.argv[2])
