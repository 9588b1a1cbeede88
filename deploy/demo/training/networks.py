"""The two egg graders: a student for the devices and a larger teacher for the cloud."""

import torch
from torch import nn

CLASSES = 5
STUDENT_EMBEDDING = 128
TEACHER_EMBEDDING = 256


def convolution(inputs, outputs, kernel=3, stride=1, groups=1, activate=True):
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if activate else []))


class InvertedResidual(nn.Module):
    """Expand, filter each channel by itself, project (Sandler et al., MobileNetV2, 2018)."""

    def __init__(self, inputs, outputs, expansion, stride=1):
        super().__init__()
        hidden = inputs * expansion
        self.skip = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            convolution(inputs, hidden, 1),
            convolution(hidden, hidden, 3, stride, groups=hidden),
            convolution(hidden, outputs, 1, activate=False),
        )

    def forward(self, x):
        return x + self.body(x) if self.skip else self.body(x)


class Residual(nn.Module):
    """Two ordinary convolutions around a shortcut (He et al., 2016)."""

    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(
            convolution(width, width), convolution(width, width, activate=False)
        )
        self.activate = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.activate(x + self.body(x))


class Grader(nn.Module):
    """Features, their average over the picture (the embedding), and one linear layer (the logits)."""

    def __init__(self, features, embedding):
        super().__init__()
        self.features = features
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(embedding, CLASSES)

    def forward(self, x):
        embedding = torch.flatten(self.pool(self.features(x)), 1)
        return self.head(embedding), embedding


def student():
    """About 0.69 million weights. The first steps are plain convolutions: on a CPU they cost less
    than the wide depthwise layers of a usual MobileNet stem, and see hairlines as well."""
    stages = [convolution(3, 16, stride=2), convolution(16, 32, stride=2)]
    stages += [convolution(32, 64, stride=2)]
    stages += [InvertedResidual(64, 64, 3) for _ in range(2)]
    stages += [InvertedResidual(64, 128, 4, stride=2)]
    stages += [InvertedResidual(128, 128, 4) for _ in range(4)]
    stages += [convolution(128, STUDENT_EMBEDDING, 1)]
    return Grader(nn.Sequential(*stages), STUDENT_EMBEDDING)


def teacher():
    """About 2 million weights in ordinary convolutions."""
    stages = [convolution(3, 24, stride=2), convolution(24, 48, stride=2), Residual(48)]
    stages += [convolution(48, 96, stride=2), Residual(96), Residual(96)]
    stages += [convolution(96, 192, stride=2), Residual(192), Residual(192)]
    stages += [convolution(192, TEACHER_EMBEDDING, 1)]
    return Grader(nn.Sequential(*stages), TEACHER_EMBEDDING)


NETWORKS = {"student": student, "teacher": teacher}
