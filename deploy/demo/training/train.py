"""Trains an egg grader, measures it on held-out frames and writes it as an ONNX model.

    python3 train.py --data FOLDER --out FOLDER --network student --worlds normal --seed 20

Frames come from export-frames.ts. Under `torchrun`, or with its environment (RANK,
WORLD_SIZE, MASTER_ADDR, MASTER_PORT) set by hand where Debian's launcher fails, the processes share
the work over gloo; alone it is one process. Needs PyTorch 1.13 or newer and NumPy, no GPU.
"""

import argparse
import json
import math
import os
import random as plain_random
import time
from pathlib import Path

import numpy
import torch
from torch import distributed
from torch.nn import functional

from evaluation import evaluate, logits_of
from frames import MEAN, STD, Frames, any_light, daylight, shifted, to_input, wide_light
from networks import NETWORKS

WORLDS = ["normal", "lamp-aging", "dirty-lens", "brown-eggs"]
LIGHTS = {"daylight": daylight, "wide": wide_light, "any": any_light}


def main():
    options = parse_options()
    rank, processes = join_processes()
    torch.set_num_threads(options.threads)
    plain_random.seed(options.seed)
    numpy.random.seed(options.seed)
    torch.manual_seed(options.seed)

    names = [f"{split}-{world}" for split in options.splits for world in options.worlds]
    Path(options.out).mkdir(parents=True, exist_ok=True)
    frames = Frames(options.data, [name for name in names if exists(options, name)], options.limit)
    held = {world: Frames(options.data, [f"held-{world}"]) for world in WORLDS} if rank == 0 else {}
    model = NETWORKS[options.network]().to(memory_format=torch.channels_last)
    if options.start:
        model.load_state_dict(torch.load(options.start, map_location="cpu"))
    history = train(model, frames, held, options, rank, processes)
    if rank == 0:
        deliver(model, held, history, options)
    if processes > 1:
        distributed.barrier()
        distributed.destroy_process_group()


def exists(options, name):
    return (Path(options.data) / f"{name}.json").exists()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of exported frames")
    parser.add_argument("--out", required=True, help="folder for the model and its figures")
    parser.add_argument("--network", choices=sorted(NETWORKS), default="student")
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=["normal"])
    parser.add_argument("--splits", nargs="+", default=["train"], help="which exports to learn from")
    parser.add_argument("--light", choices=sorted(LIGHTS), default="daylight")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64, help="frames per process and step")
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=0.03, help="weight decay")
    parser.add_argument("--smoothing", type=float, default=0.02, help="label smoothing")
    parser.add_argument("--precision", choices=["bf16", "float32"], default="bf16")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=int, help="frames per export at most")
    parser.add_argument("--start", help="weights.pt to go on from")
    return parser.parse_args()


def join_processes():
    """This process's rank and how many there are, as torchrun's environment says."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1:
        distributed.init_process_group("gloo")
        return distributed.get_rank(), processes
    return 0, 1


def train(model, frames, held, options, rank, processes):
    """Trains in place; returns one entry per epoch."""
    shared = torch.nn.parallel.DistributedDataParallel(model) if processes > 1 else model
    optimizer = torch.optim.AdamW(weight_groups(model, options.decay), lr=options.rate)
    steps_per_epoch = len(frames) // (options.batch * processes)
    schedule = warm_cosine(optimizer, steps_per_epoch * options.epochs)
    # Every process draws the same order and takes its share; only its augmentation is its own.
    order = numpy.random.default_rng(options.seed)
    random = numpy.random.default_rng([options.seed, rank])
    light = LIGHTS[options.light]
    history = []
    for epoch in range(options.epochs):
        began, losses, right, seen = time.time(), [], 0, 0
        mine = order.permutation(len(frames))[rank::processes]
        shared.train()
        for step in range(steps_per_epoch):
            chosen = mine[step * options.batch : (step + 1) * options.batch]
            labels = frames.labels[chosen]
            inputs = light(to_input(shifted(frames.pixels[chosen], random)), random)
            inputs = inputs.contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
                logits = shared(inputs)[0].float()
            loss = functional.cross_entropy(logits, labels, label_smoothing=options.smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
            right += int((logits.argmax(1) == labels).sum())
            seen += len(labels)
        if rank == 0:
            entry = {
                "epoch": epoch + 1,
                "rate": round(schedule.get_last_lr()[0], 6),
                "loss": round(sum(losses) / len(losses), 4),
                "trainAccuracy": round(right / seen, 4),
                "seconds": round(time.time() - began, 1),
                **quick_accuracy(model, held),
            }
            history.append(entry)
            print(json.dumps(entry), flush=True)
            # What an interrupted training leaves; `--start` goes on from it.
            torch.save(model.state_dict(), Path(options.out) / "weights.pt")
    return history


def weight_groups(model, decay):
    """Weight decay is for matrices and filters; biases and normalisation go free."""
    weights = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    return [
        {"params": weights, "weight_decay": decay},
        {"params": others, "weight_decay": 0.0},
    ]


def warm_cosine(optimizer, steps):
    warm = max(1, min(300, steps // 20))

    def factor(step):
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))) + 1e-4

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def quick_accuracy(model, held, frames_max=500):
    """Accuracy on the first frames of each world, to watch while training; nothing is chosen by it."""
    accuracy = {}
    for world, frames in held.items():
        few = type("Few", (), {"pixels": frames.pixels[:frames_max], "__len__": lambda s: frames_max})
        choice = logits_of(model, few()).argmax(1)
        right = (choice == frames.labels[:frames_max]).float().mean()
        accuracy[world] = round(float(right), 4)
    return {"held": accuracy}


def deliver(model, held, history, options):
    out = Path(options.out)
    model = model.to(memory_format=torch.contiguous_format).eval()
    torch.save(model.state_dict(), out / "weights.pt")
    export(model, out / "model.onnx")
    evaluation, logits = evaluate(model, held, options.worlds)
    (out / "evaluation.json").write_text(json.dumps(evaluation, indent=2) + "\n")
    training = {
        "network": options.network,
        "weights": sum(p.numel() for p in model.parameters()),
        "options": {k: v for k, v in vars(options).items() if k not in ("data", "out", "start")},
        "continued": bool(options.start),
        "torch": torch.__version__,
        "epochs": history,
    }
    (out / "training.json").write_text(json.dumps(training, indent=2) + "\n")
    probe(model, held["normal"], logits["normal"], out)
    for world, result in evaluation["worlds"].items():
        print(world, result["accuracy"], "ece", result["ece"], result["recall"])


def export(model, path):
    """Writes the graph with constants folded and batch normalisation merged into the convolutions."""
    torch.onnx.export(
        model,
        torch.zeros(1, 3, 120, 160),
        str(path),
        opset_version=17,
        do_constant_folding=True,
        input_names=["input"],
        output_names=["logits", "embedding"],
    )


def probe(model, frames, logits, out):
    """What a check of the exported graph needs: some inputs with their outputs, and for each class
    frames that are beyond doubt, as candidates for the golden images."""
    with torch.no_grad():
        few = to_input(frames.pixels[:20])
        answers, embeddings = model(few)
    few.numpy().tofile(out / "probe-input.bin")
    answers.numpy().tofile(out / "probe-logits.bin")
    embeddings.numpy().tofile(out / "probe-embedding.bin")
    sure = torch.softmax(logits, 1).max(1).values
    right = logits.argmax(1) == frames.labels
    golden = {}
    for index, name in enumerate(frames.classes):
        fit = torch.nonzero(right & (frames.labels == index) & (sure > sure[right].median()))
        golden[name] = [frames.about[i] for i in fit.flatten().tolist()[:12]]
    (out / "candidates.json").write_text(json.dumps({"mean": MEAN, "std": STD, "golden": golden}))


if __name__ == "__main__":
    main()
