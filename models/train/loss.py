"""Losses: copying the teacher's output map and features, and learning from labels with task-aligned assignment."""
import torch
import torch.nn.functional as F

from model import decode


def overlap(a, b, generalized=False):
    """IoU, or GIoU, of boxes [...,4] that broadcast against each other."""
    lt, rb = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    inter = (rb - lt).clamp(min=0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).clamp(min=0).prod(-1) + (b[..., 2:] - b[..., :2]).clamp(min=0).prod(-1) - inter
    iou = inter / (union + 1e-7)
    if not generalized:
        return iou
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    return iou - (hull - union) / (hull + 1e-7)


def quality_focal(logits, target, power=1.5):
    """Cross-entropy towards a soft target, weighted by the distance still to go."""
    distance = (logits.sigmoid() - target).abs().pow(power)
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none") * distance


def copy_teacher(logits, raw, scores, teacher_raw, points, strides):
    """(class, box) loss against the teacher's map; boxes count by the teacher's score, from 0.1."""
    best = scores.max(-1).values
    norm = best.sum().clamp(min=1)
    weight = best * (best > 0.1)
    near = F.smooth_l1_loss(raw, teacher_raw, reduction="none", beta=0.1).sum(-1)
    giou = overlap(decode(raw, points, strides), decode(teacher_raw, points, strides), generalized=True)
    return quality_focal(logits, scores).sum() / norm, ((0.5 * near + 2 * (1 - giou)) * weight).sum() / norm


def copy_features(predicted, features, moments):
    """Mean squared error against the teacher's features, each channel brought to mean 0 and deviation 1."""
    total = 0.0
    for mine, theirs, (mean, deviation) in zip(predicted, features, moments):
        total = total + F.mse_loss(mine.float(), (theirs.float() - mean) / deviation)
    return total / len(features)


@torch.no_grad()
def assign(scores, boxes, gt, points, strides, top=10):
    """Task-aligned assignment (score x IoU^6, best `top` points a box, centre in the box or within 1.5 strides of its centre).

    gt [N,M,6] (class -1 = none). Returns the gt index of every point [N,A] (-1 = none) and its quality [N,A]. Works on the
    list of real boxes of the whole batch, since most pictures have few and some have sixty.
    """
    n, a = boxes.shape[:2]
    owner = torch.full((n, a), -1, dtype=torch.long, device=boxes.device)
    quality = torch.zeros((n, a), device=boxes.device)
    picture, slot = torch.nonzero(gt[..., 0] >= 0, as_tuple=True)
    if not len(picture):
        return owner, quality
    target, cls = gt[picture, slot, 1:5], gt[picture, slot, 0].long()
    centre = ((points + 0.5) * strides)[None]
    inside = (torch.minimum(centre - target[:, None, :2], target[:, None, 2:] - centre)).amin(-1) > 0
    near = ((centre - (target[:, None, :2] + target[:, None, 2:]) / 2).abs().amax(-1) < 1.5 * strides[None, :, 0])
    iou = overlap(target[:, None], boxes[picture])
    score = scores.transpose(1, 2)[picture, cls].clamp(min=1e-3)
    metric = (score * iou.pow(6) + 1e-9) * (inside | near)
    best = metric.topk(top, -1)
    kept = torch.zeros_like(metric).scatter_(-1, best.indices, best.values)
    top_iou = (iou * (kept > 0)).amax(-1, keepdim=True)
    winner = torch.zeros((n, a), device=boxes.device).index_reduce_(0, picture, kept, "amax")
    k, point = torch.nonzero((kept > 0) & (kept == winner[picture]), as_tuple=True)
    owner[picture[k], point] = slot[k]
    quality[picture[k], point] = (kept / (kept.amax(-1, keepdim=True) + 1e-12) * top_iou)[k, point]
    return owner, quality


def learn_labels(logits, raw, gt, background, points, strides):
    """(class, box) loss against labels. `background` [N,A,8] in 0..1 weighs the points that are no object."""
    boxes = decode(raw, points, strides)
    owner, quality = assign(logits.detach().sigmoid(), boxes.detach(), gt, points, strides)
    picked = gt.gather(1, owner.clamp(min=0)[..., None].expand(-1, -1, 6))
    positive = owner >= 0
    quality = torch.where(positive, quality.clamp(min=0.05) * picked[..., 5], torch.zeros_like(quality))
    onehot = F.one_hot(picked[..., 0].clamp(min=0).long(), logits.shape[-1]) * positive[..., None]
    target = quality[..., None] * onehot
    weight = torch.where(onehot > 0, torch.ones_like(background), background)
    norm = quality.sum().clamp(min=1)
    giou = overlap(boxes, picked[..., 1:5], generalized=True)
    box = ((1 - giou) * quality * (picked[..., 5] >= 0.6)).sum() / norm
    return (quality_focal(logits, target) * weight).sum() / norm, 2 * box
