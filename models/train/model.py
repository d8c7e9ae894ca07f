"""The detector: a plain-convolution, anchor-free network for CPUs.

Only dense convolutions, ReLU, concatenation and nearest upsampling, because those run near the arithmetic peak of a CPU in
FP32 and in INT8 alike; depthwise layers have few operations but are bound by memory in both.
"""
import torch
from torch import nn

CLASSES = ["person", "bicycle", "car", "motorcycle", "bus", "truck", "cat", "dog"]
STRIDES = (8, 16, 32)
PATCH = 4


class Conv(nn.Module):
    """Convolution, batch norm, ReLU. `fuse()` folds the norm into the convolution for export."""

    def __init__(self, cin, cout, k=1, s=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, k, s, (k - s + 1) // 2, bias=False)
        self.bn = nn.BatchNorm2d(cout, eps=1e-3, momentum=0.03)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))

    def fuse(self):
        gain = self.bn.weight / torch.sqrt(self.bn.running_var + self.bn.eps)
        conv = nn.Conv2d(self.conv.in_channels, self.conv.out_channels, self.conv.kernel_size, self.conv.stride, self.conv.padding)
        conv.weight.data = self.conv.weight.data * gain.data[:, None, None, None]
        conv.bias.data = self.bn.bias.data - self.bn.running_mean * gain.data
        self.conv, self.bn = conv, nn.Identity()


class Block(nn.Module):
    """1x1 down to `mid`, then `n` 3x3 in a row, all of them concatenated and mixed by a 1x1 (as in ELAN)."""

    def __init__(self, cin, cout, mid, n=2):
        super().__init__()
        self.down = Conv(cin, mid)
        self.chain = nn.ModuleList(Conv(mid, mid, 3) for _ in range(n))
        self.mix = Conv(mid * (n + 1), cout)

    def forward(self, x):
        parts = [self.down(x)]
        for conv in self.chain:
            parts.append(conv(parts[-1]))
        return self.mix(torch.cat(parts, 1))


class Pools(nn.Module):
    """Three 5x5 maxima in a row, concatenated: lets the coarsest level see the whole picture (SPPF)."""

    def __init__(self, channels, mid):
        super().__init__()
        self.down, self.mix = Conv(channels, mid), Conv(4 * mid, channels)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        parts = [self.down(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.mix(torch.cat(parts, 1))


class Backbone(nn.Module):
    """RGB 0..1 -> features at stride 8, 16, 32.

    The stem looks at patches of 4x4 pixels that do not overlap: layers at half resolution, with three or sixteen channels, are
    what neither FP32 nor INT8 kernels do well, and cost a fifth of the time.
    """

    def __init__(self, c):
        super().__init__()
        self.stem = Conv(3, c[0], PATCH, PATCH)
        self.s8 = nn.Sequential(Conv(c[0], c[1], 3, 2), Block(c[1], c[1], 32, 3))
        self.s16 = nn.Sequential(Conv(c[1], c[2], 3, 2), Block(c[2], c[2], 48, 3))
        self.s32 = nn.Sequential(Conv(c[2], c[3], 3, 2), Block(c[3], c[3], 80, 2), Pools(c[3], 64))

    def forward(self, x):
        c3 = self.s8(self.stem(x))
        c4 = self.s16(c3)
        return c3, c4, self.s32(c4)


class Neck(nn.Module):
    """Top-down, then bottom-up path; `w` channels at every level."""

    def __init__(self, c3, c4, c5, w):
        super().__init__()
        self.up = nn.Upsample(scale_factor=2.0, mode="nearest")
        self.lat5 = Conv(c5, w)
        self.td4 = Block(c4 + w, w, 32)
        self.td3 = Block(c3 + w, w, 32, 1)
        self.down3 = Conv(w, w, 3, 2)
        self.bu4 = Block(2 * w, w, 32)
        self.down4 = Conv(w, w, 3, 2)
        self.bu5 = Block(2 * w, w, 32)

    def forward(self, c3, c4, c5):
        p5 = self.lat5(c5)
        p4 = self.td4(torch.cat([c4, self.up(p5)], 1))
        n3 = self.td3(torch.cat([c3, self.up(p4)], 1))
        n4 = self.bu4(torch.cat([p4, self.down3(n3)], 1))
        n5 = self.bu5(torch.cat([p5, self.down4(n4)], 1))
        return n3, n4, n5


class Head(nn.Module):
    """One level: a 3x3, then class logits and box numbers (dx, dy, log w, log h in units of the stride) from one 1x1."""

    def __init__(self, w, mid, nc):
        super().__init__()
        self.nc = nc
        self.conv = Conv(w, mid, 3)
        self.out = nn.Conv2d(mid, nc + 4, 1)
        nn.init.zeros_(self.out.bias)
        nn.init.constant_(self.out.bias[:nc], -4.6)  # every class starts at a score of 0.01

    def forward(self, x):
        return self.out(self.conv(x))


class Detector(nn.Module):
    def __init__(self, nc=len(CLASSES), c=(32, 48, 96, 160), w=48, head=48):
        super().__init__()
        self.nc = nc
        self.backbone = Backbone(c)
        self.neck = Neck(c[1], c[2], c[3], w)
        self.heads = nn.ModuleList(Head(w, head, nc) for _ in STRIDES)
        for m in self.modules():
            if isinstance(m, nn.Conv2d) and m.kernel_size[0] > 1:
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        """RGB 0..1, sides multiples of 32 -> (class logits [N,A,C], raw boxes [N,A,4], features); A runs over strides, rows, columns."""
        cs = self.backbone(x)
        ps = self.neck(*cs)
        out = torch.cat([head(p).flatten(2) for head, p in zip(self.heads, ps)], 2).transpose(1, 2)
        return out[..., :self.nc], out[..., self.nc:], cs + ps

    def fuse(self):
        for m in self.modules():
            if isinstance(m, Conv):
                m.fuse()
        return self


def grid(height, width, device="cpu"):
    """Cell corners in units of the stride [A,2] (x, y) and strides [A,1], in the order of the output."""
    points, strides = [], []
    for s in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // s, device=device), torch.arange(width // s, device=device), indexing="ij")
        points.append(torch.stack([x, y], -1).reshape(-1, 2).float())
        strides.append(torch.full((points[-1].shape[0], 1), float(s), device=device))
    return torch.cat(points), torch.cat(strides)


def decode(raw, points, strides):
    """Raw boxes [...,A,4] -> x1, y1, x2, y2 in input pixels."""
    centre = (raw[..., :2] + points) * strides
    half = torch.exp(raw[..., 2:].clamp(max=6.0)) * strides * 0.5
    return torch.cat([centre - half, centre + half], -1)
