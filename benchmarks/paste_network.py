"""A small convolutional network that classifies pixel patches, fitted on one CPU thread."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold
from torch import nn

PATCH = 32  # pixels per side, not resized: resizing would destroy the traces to be found
FOLDS = 3
EPOCHS = 5
BATCH = 64
RATE = 2e-3

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]


def patches(pixels: Pixels, inside: Box) -> Pixels:
    """Four patches (4, PATCH, PATCH, 3) of a crop (height, width, 3). They are centered on the object's box and on its
    left, right, and top edges.
    """
    x1, y1, x2, y2 = inside
    x, y = (x1 + x2) // 2, (y1 + y2) // 2
    padded = np.pad(pixels, ((PATCH, PATCH), (PATCH, PATCH), (0, 0)), mode="symmetric")
    corners = [(a + PATCH // 2, b + PATCH // 2) for a, b in ((x, y), (x1, y), (x2, y), (x, y1))]
    return np.stack([padded[b : b + PATCH, a : a + PATCH] for a, b in corners])


def held_out_scores(found: Pixels, truths: NDArray[np.bool_], photos: Sequence[str], seed: int) -> NDArray[np.float64]:
    """Scores (n,) of crops from their patches (n, k, PATCH, PATCH, 3), computed by a network that was fitted to other
    photos.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    scores = np.zeros(len(truths))
    for fitted, held in GroupKFold(min(FOLDS, len(set(photos)))).split(found, truths, photos):
        network = fit(found[fitted], truths[fitted])
        with torch.no_grad():
            each = [network(values(found[held, place])).squeeze(1).numpy() for place in range(found.shape[1])]
        scores[held] = np.mean(each, axis=0)
    return scores


def fit(found: Pixels, truths: NDArray[np.bool_]) -> nn.Module:
    """Fit a network to every patch of every crop. Each batch of patches is mirrored with a probability of one half."""
    network = build()
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    weights = torch.tensor(float((~truths).sum() / max(truths.sum(), 1)))
    loss_of = nn.BCEWithLogitsLoss(pos_weight=weights)
    inputs, wanted = found.reshape(-1, PATCH, PATCH, 3), np.repeat(truths, found.shape[1])
    steps = EPOCHS * (len(wanted) // BATCH + 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(wanted)).split(BATCH):
            shown = values(inputs[batch.numpy()])
            shown = shown.flip(3) if torch.rand(()) < 0.5 else shown
            loss = loss_of(network(shown).squeeze(1), torch.tensor(wanted[batch.numpy()], dtype=torch.float32))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def values(pixels: Pixels) -> torch.Tensor:
    """The network's input (n, 6, PATCH, PATCH), computed from pixels (n, PATCH, PATCH, 3). The first three channels are
    the pixels. The others are the differences between the pixels and their local means, multiplied by 8.
    """
    shown = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 255 - 0.5
    fine = shown - nn.functional.avg_pool2d(shown, 3, stride=1, padding=1, count_include_pad=False)
    return torch.cat([shown, 8 * fine], dim=1)


def build() -> nn.Module:
    """A network of three convolutions, a pooling layer that averages each quarter of the patch, and a linear layer."""

    def layer(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

    body = nn.Sequential(*layer(6, 16, 1), *layer(16, 24, 2), *layer(24, 32, 2))
    return nn.Sequential(body, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 1))
