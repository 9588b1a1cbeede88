"""What every engine for fieldloop has in common: the protocol of PROTOCOL.md, version 1.

An engine gives `serve` its name and a function that opens a model:

    def open_model(path, input, providers, threads):
        # input: {"name": str, "dims": [int, ...], "type": "float32" or "uint8"}
        return model   # with .provider (str) and .run(array) -> {output name: array}

`run` gets a numpy array of the input's shape and type, and may give arrays of any number type.
"""

import json
import os
import struct
import sys

import numpy

HEAD = struct.Struct("<4sII")
MAGIC = b"FLE1"
JSON_MAX = 1 << 20
PAYLOAD_MAX = 256 << 20
TYPES = {"float32": numpy.float32, "uint8": numpy.uint8}


class Refused(Exception):
    """What the agent asked for cannot be done; said in one sentence."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def serve(name, version, open_model):
    """Answers the agent until it says close, or is gone."""
    asked = sys.stdin.buffer
    answers = os.fdopen(3, "wb", buffering=0)
    send(answers, {"type": "hello", "protocol": 1, "name": name, "version": version})
    model, shape = None, None
    while True:
        message = receive(asked)
        if message is None or message[0].get("type") == "close":
            return
        question, payload = message
        number = question.get("id")
        try:
            if question.get("type") == "open":
                given = question["input"]
                shape = (tuple(given["dims"]), TYPES[given["type"]])
                model = open_model(
                    question["path"], given, question["providers"], question["threads"]
                )
                # The first run is the slow one, and only it tells the outputs' shapes.
                outputs = as_floats(model.run(numpy.zeros(*shape)))
                send(
                    answers,
                    {
                        "type": "opened",
                        "id": number,
                        "provider": model.provider,
                        "outputs": described(outputs),
                    },
                )
            elif question.get("type") == "run":
                outputs = as_floats(run(model, shape, payload))
                head = {"type": "result", "id": number, "outputs": described(outputs)}
                send(answers, head, list(outputs.values()))
            else:
                raise Refused("unknown-question", f"{question.get('type')!r} is no question")
        except Refused as refusal:
            send_error(answers, number, refusal.code, refusal)
        except Exception as error:  # whatever a runtime throws is the agent's to tell
            code = "model-unreadable" if question.get("type") == "open" else "inference-failed"
            send_error(answers, number, code, error)


def run(model, shape, payload):
    if model is None:
        raise Refused("no-model", "no model is open; ask to open one first")
    dims, kind = shape
    wanted = int(numpy.prod(dims)) * numpy.dtype(kind).itemsize
    if len(payload) != wanted:
        raise Refused("wrong-input", f"the input takes {wanted} bytes, and {len(payload)} came")
    return model.run(numpy.frombuffer(payload, kind).reshape(dims))


def as_floats(outputs):
    return {name: numpy.ascontiguousarray(a, numpy.float32) for name, a in outputs.items()}


def described(outputs):
    return [{"name": name, "dims": list(a.shape)} for name, a in outputs.items()]


def receive(stream):
    """The next question and its payload; None where the agent is gone."""
    head = read_exactly(stream, HEAD.size)
    if head is None:
        return None
    magic, json_bytes, payload_bytes = HEAD.unpack(head)
    if magic != MAGIC or json_bytes > JSON_MAX or payload_bytes > PAYLOAD_MAX:
        raise SystemExit("what came is no message of the engine protocol")
    text, payload = read_exactly(stream, json_bytes), read_exactly(stream, payload_bytes)
    return None if text is None or payload is None else (json.loads(text), payload)


def read_exactly(stream, length):
    data = bytearray(length)
    view, filled = memoryview(data), 0
    while filled < length:
        count = stream.readinto(view[filled:])
        if not count:
            return None
        filled += count
    return data


def send(stream, head, arrays=()):
    text = json.dumps(head).encode()
    payload = sum(array.nbytes for array in arrays)
    write_all(stream, HEAD.pack(MAGIC, len(text), payload) + text)
    for array in arrays:
        write_all(stream, memoryview(array).cast("B"))


def write_all(stream, data):
    view, written = memoryview(data), 0
    while written < len(view):
        written += stream.write(view[written:])


def send_error(stream, number, code, error):
    message = " ".join(str(error).split())[:900] or type(error).__name__
    send(stream, {"type": "error", "id": number, "code": code, "message": message})
