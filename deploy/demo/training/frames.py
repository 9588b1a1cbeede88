"""Labelled frames as export-frames.ts writes them, and what training does to them."""

import json
from pathlib import Path

import numpy
import torch

MEAN = 127.5
STD = 127.5
# Frames are shifted by up to this many pixels either way.
SHIFT = 6


class Frames:
    """One or more exported splits: `pixels` uint8 [frames, 120, 160, 3], `labels` [frames]."""

    def __init__(self, folder, names, limit=None):
        self.about, pixels = [], []
        for name in names:
            base = Path(folder) / name
            description = json.loads(base.with_suffix(".json").read_text())
            self.classes = description["labels"]
            shape = (-1, description["height"], description["width"], 3)
            data = numpy.fromfile(base.with_suffix(".bin"), dtype=numpy.uint8).reshape(shape)
            pixels.append(data[:limit])
            self.about += description["frames"][:limit]
        self.pixels = numpy.concatenate(pixels) if len(pixels) > 1 else pixels[0]
        self.labels = torch.tensor([frame["label"] for frame in self.about])

    def __len__(self):
        return len(self.labels)


def to_input(pixels):
    """uint8 [n, rows, columns, 3] to the network's input: float32 [n, 3, rows, columns]."""
    tensor = torch.from_numpy(numpy.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
    return (tensor.float() - MEAN) / STD


def shifted(pixels, random):
    """The same frames moved by a few pixels, edges repeated, and mirrored at random."""
    count, rows, columns, _ = pixels.shape
    edge = ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))
    padded = numpy.pad(pixels, edge, mode="edge")
    moved = numpy.empty_like(pixels)
    for i in range(count):
        y, x = random.integers(0, 2 * SHIFT + 1, 2)
        frame = padded[i, y : y + rows, x : x + columns]
        if random.random() < 0.5:
            frame = frame[:, ::-1]
        if random.random() < 0.5:
            frame = frame[::-1]
        moved[i] = frame
    return moved


def daylight(batch, random):
    """The student's only change of light: what one day brings, a few percent. Other worlds stay
    unseen, so that the demo's drift is honest."""
    return relit(batch, random, gain=(0.97, 1.03), tint=0.01)


def wide_light(batch, random):
    """Lamps a quarter darker or a little brighter, of slightly different white."""
    return relit(batch, random, gain=(0.72, 1.12), tint=0.05)


def any_light(batch, random):
    """The teacher's: much darker and brighter, tinted, hazy, noisy."""
    count = len(batch)
    batch = relit(batch, random, gain=(0.65, 1.2), tint=0.15)
    hazy = random.random((count, 1, 1, 1)) < 0.3
    haze = numeric(random.uniform(0, 0.2, (count, 1, 1, 1)) * hazy)
    batch = batch * (1 - haze)
    strength = numeric(random.uniform(0, 0.025, (count, 1, 1, 1)))
    noise = torch.from_numpy(random.standard_normal(batch.shape, dtype=numpy.float32))
    return batch + noise * strength


def relit(batch, random, gain, tint):
    count = len(batch)
    gains = numeric(random.uniform(*gain, (count, 1, 1, 1)))
    tints = numeric(random.uniform(1 - tint, 1 + tint, (count, 3, 1, 1)))
    return (((batch + 1) * gains * tints) - 1).clamp(-1, 1)


def numeric(values):
    return torch.from_numpy(values.astype(numpy.float32))
