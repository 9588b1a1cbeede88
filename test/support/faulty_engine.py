"""An engine that sees a dirty egg in every picture, and fails as it is told over a socket."""

import os
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../deploy/engines"))
import fieldloop_engine  # noqa: E402
import numpy  # noqa: E402

fault = None


def listen(port):
    """The next fault; what is to happen at any time happens at once."""
    global fault
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for line in connection.makefile():
            if line.strip() == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            elif line.strip() == "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            else:
                fault = line.strip()


class Model:
    provider = "cpu"

    def __init__(self, path, input, providers, threads):
        self.runs = 0

    def run(self, array):
        global fault
        now, fault = fault, None
        if now == "die":
            os._exit(3)
        elif now == "hang":
            time.sleep(3600)
        elif now == "garbage":
            os.write(3, b"0 warnings generated.\n")
        elif now == "refuse":
            raise RuntimeError("out of memory on the accelerator")
        elif now == "short":
            return {"logits": numpy.ones((1, 4), numpy.float32)}
        elif now == "twice":
            fieldloop_engine.send(
                os.fdopen(os.dup(3), "wb", buffering=0), {"type": "result", "id": 0, "outputs": []}
            )
        elif now == "chatter":
            print("I am still here" * 1000, flush=True)
            print("really" * 1000, file=sys.stderr, flush=True)
        return {
            "logits": numpy.array([[0, 0, 9, 0, 0]], numpy.float32),
            "embedding": numpy.zeros((1, 64), numpy.float32),
        }


threading.Thread(target=listen, args=(int(sys.argv[1]),), daemon=True).start()
fieldloop_engine.serve("faulty", "1", Model)
