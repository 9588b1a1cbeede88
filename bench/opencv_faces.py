"""The face detector on OpenCV DNN, for perception.bench.ts.

usage: opencv_faces.py MODEL PHOTO...
Reads the photos' bytes once. For each line on standard input it runs one round over all of them and
answers one line of JSON: {"ms": [time of each photo], "faces": [faces found in each]}.
"""
import json
import sys
import time

import cv2
import numpy as np

cv2.setNumThreads(1)
net = cv2.dnn.readNetFromONNX(sys.argv[1])
photos = [np.fromfile(path, dtype=np.uint8) for path in sys.argv[2:]]
SCORE_MIN, IOU_MAX = 0.7, 0.5
outputs = net.getUnconnectedOutLayersNames()


def faces_in(data):
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    blob = cv2.dnn.blobFromImage(
        picture, 1 / 128, (320, 240), (127, 127, 127), swapRB=True, ddepth=cv2.CV_32F
    )
    net.setInput(blob)
    found = dict(zip(outputs, net.forward(outputs)))
    scores, boxes = found["scores"][0, :, 1], found["boxes"][0]
    keep = scores > SCORE_MIN
    scores, boxes = scores[keep], boxes[keep]
    rects = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in (boxes * 1000).tolist()]
    return len(cv2.dnn.NMSBoxes(rects, scores.tolist(), SCORE_MIN, IOU_MAX))


for _ in sys.stdin:
    times, counts = [], []
    for data in photos:
        start = time.perf_counter()
        counts.append(faces_in(data))
        times.append((time.perf_counter() - start) * 1000)
    print(json.dumps({"ms": times, "faces": counts}), flush=True)
