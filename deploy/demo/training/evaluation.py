"""Held-out figures: accuracy, confusion, calibration; the temperature that makes confidence honest."""

import numpy
import torch
from torch.nn import functional

from frames import to_input

BINS = 15


def logits_of(model, frames, batch=250):
    """Logits of all frames in full precision, [frames, classes]."""
    model.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(frames), batch):
            parts.append(model(to_input(frames.pixels[start : start + batch]))[0].float())
    return torch.cat(parts)


def fit_temperature(logits, labels):
    """The divisor of the logits with the smallest negative log-likelihood (Guo et al., 2017)."""
    log_temperature = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=60)

    def loss():
        optimizer.zero_grad()
        value = functional.cross_entropy(logits / log_temperature.exp(), labels)
        value.backward()
        return value

    optimizer.step(loss)
    return round(float(log_temperature.exp()), 3)


def calibration_error(logits, labels, temperature):
    """Expected calibration error over equal bins of confidence."""
    confidence, choice = torch.softmax(logits / temperature, 1).max(1)
    right = (choice == labels).float()
    bins = (confidence * BINS).long().clamp(max=BINS - 1)
    error = 0.0
    for index in range(BINS):
        members = bins == index
        if members.any():
            gap = (confidence[members].mean() - right[members].mean()).abs()
            error += float(gap) * float(members.float().mean())
    return error


def figures(logits, labels, classes, temperature):
    """What one world's held-out frames say; rows of the confusion are the truth."""
    choice = logits.argmax(1)
    size = len(classes)
    confusion = numpy.zeros((size, size), dtype=int)
    for truth, answer in zip(labels.tolist(), choice.tolist()):
        confusion[truth, answer] += 1
    confidence = torch.softmax(logits / temperature, 1).max(1).values
    recall = {c: round(confusion[i, i] / max(1, confusion[i].sum()), 4) for i, c in enumerate(classes)}
    precision = {
        c: round(confusion[i, i] / max(1, confusion[:, i].sum()), 4) for i, c in enumerate(classes)
    }
    return {
        "frames": len(labels),
        "accuracy": round(float((choice == labels).float().mean()), 4),
        "recall": recall,
        "precision": precision,
        "confusion": confusion.tolist(),
        "meanConfidence": round(float(confidence.mean()), 4),
        "ece": round(calibration_error(logits, labels, temperature), 4),
        "eceUncalibrated": round(calibration_error(logits, labels, 1.0), 4),
    }


def evaluate(model, held, fit_on):
    """Evaluates every world. The temperature is fitted on the even frames of the worlds `fit_on`
    and its calibration error is measured on the odd ones; accuracy counts all frames."""
    logits = {world: logits_of(model, frames) for world, frames in held.items()}
    even = torch.cat([logits[world][::2] for world in fit_on])
    temperature = fit_temperature(even, torch.cat([held[world].labels[::2] for world in fit_on]))
    worlds = {}
    for world, frames in held.items():
        worlds[world] = figures(logits[world], frames.labels, frames.classes, temperature)
        odd = (logits[world][1::2], frames.labels[1::2])
        worlds[world]["ece"] = round(calibration_error(*odd, temperature), 4)
        worlds[world]["eceUncalibrated"] = round(calibration_error(*odd, 1.0), 4)
    return {"temperature": temperature, "worlds": worlds}, logits
