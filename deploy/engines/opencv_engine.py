#!/usr/bin/python3
"""Runs models with OpenCV's DNN module (Debian: python3-opencv), on the processor or by OpenCL or CUDA
where OpenCV was built with it."""

import cv2

from fieldloop_engine import serve

TARGETS = {
    "cuda": (cv2.dnn.DNN_BACKEND_CUDA, cv2.dnn.DNN_TARGET_CUDA_FP16),
    "opencl": (cv2.dnn.DNN_BACKEND_OPENCV, cv2.dnn.DNN_TARGET_OPENCL),
    "cpu": (cv2.dnn.DNN_BACKEND_OPENCV, cv2.dnn.DNN_TARGET_CPU),
}


class Model:
    def __init__(self, path, input, providers, threads):
        cv2.setNumThreads(threads)
        self.net = cv2.dnn.readNetFromONNX(path)
        self.input = input["name"]
        self.outputs = self.net.getUnconnectedOutLayersNames()
        self.provider = self.choose(providers)

    def choose(self, providers):
        for name in [*providers, "cpu"]:
            backend, target = TARGETS.get(name, (None, None))
            if backend is None or target not in cv2.dnn.getAvailableTargets(backend):
                continue
            self.net.setPreferableBackend(backend)
            self.net.setPreferableTarget(target)
            return name
        raise RuntimeError("OpenCV has no target that works here")

    def run(self, array):
        self.net.setInput(array, self.input)
        # Newer versions call an output "onnx_node_output_0!name".
        names = [name.split("!")[-1] for name in self.outputs]
        return dict(zip(names, self.net.forward(self.outputs)))


serve("opencv", cv2.__version__, Model)
