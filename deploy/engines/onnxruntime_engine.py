#!/usr/bin/python3
"""Runs models with ONNX Runtime for Python, whose builds for Jetson have TensorRT and CUDA; the package
for Node knows the processor alone there.

TensorRT compiles a model when it first sees it, which takes minutes; what it made is kept in the folder
FIELDLOOP_ENGINE_CACHE (default: ~/.cache/fieldloop-engine), so set startMsMax generously once."""

import os

import onnxruntime

from fieldloop_engine import serve

CACHE = os.environ.get("FIELDLOOP_ENGINE_CACHE") or os.path.expanduser("~/.cache/fieldloop-engine")
PROVIDERS = {
    "tensorrt": (
        "TensorrtExecutionProvider",
        {
            "trt_engine_cache_enable": True,
            "trt_engine_cache_path": CACHE,
            "trt_timing_cache_enable": True,
            "trt_fp16_enable": True,
        },
    ),
    "cuda": ("CUDAExecutionProvider", {}),
    "cpu": ("CPUExecutionProvider", {}),
}


class Model:
    def __init__(self, path, input, providers, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        there = onnxruntime.get_available_providers()
        names = dict.fromkeys([*providers, "cpu"])
        wanted = [PROVIDERS[name] for name in names if name in PROVIDERS]
        if any(name == "TensorrtExecutionProvider" for name, _ in wanted):
            os.makedirs(CACHE, mode=0o700, exist_ok=True)
        chosen = [(name, settings) for name, settings in wanted if name in there]
        self.session = onnxruntime.InferenceSession(path, options, providers=chosen)
        self.input = input["name"]
        self.outputs = [output.name for output in self.session.get_outputs()]
        # The first one is what ONNX Runtime gives the graph to; what it cannot do goes to the next.
        first = self.session.get_providers()[0]
        self.provider = next(key for key, (name, _) in PROVIDERS.items() if name == first)

    def run(self, array):
        return dict(zip(self.outputs, self.session.run(self.outputs, {self.input: array})))


serve("onnxruntime", onnxruntime.__version__, Model)
