#!/usr/bin/env python3
"""Tells a fieldloop agent what another runtime has seen. Standard library only.

The agent's configuration names the camera:  - { name: dock, kind: external }
"""
import base64
import json
import urllib.error
import urllib.request

AGENT = "http://127.0.0.1:8090"


def observe(camera, detections, model, *, latency_ms=0, jpeg=None, agent=AGENT):
    """detections: [{"label": str, "score": 0..1, "box": [x1, y1, x2, y2] as fractions}]"""
    body = {"camera": camera, "model": model, "latencyMs": latency_ms, "detections": detections}
    if jpeg is not None:
        body["thumbnail"] = base64.b64encode(jpeg).decode()
    request = urllib.request.Request(
        f"{agent}/v1/observations",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(json.load(error)["detail"])  # one sentence that says what to do


if __name__ == "__main__":
    seen = [{"label": "person", "score": 0.93, "box": [0.1, 0.2, 0.3, 0.9]}]
    print(observe("dock", seen, "yolo11n@1.0.0", latency_ms=12.5))
