"""Homographies by OpenCV, one JSON line in, one out: {"method", "a", "b"} -> {"h", "seconds", "processor"}; pictures are read before the clock starts.
First line out: the version. Methods: features, number of points, ratio, and cv2.USAC_MAGSAC at 3 pixels."""
import json
import sys
import time

import cv2
import numpy as np

cv2.setNumThreads(1)
METHODS = {
    "RootSIFT8000 + MAGSAC": ("sift", 8000, 0.85, 0.02),
    "SIFT2000 + MAGSAC": ("plain sift", 2000, 0.8, 0.04),
    "ORB2000 + MAGSAC": ("orb", 2000, 0.85, 0),
}
pictures = {}


def picture(path):
    if path not in pictures:
        pictures[path] = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    return pictures[path]


def homography(method, a, b):
    kind, limit, ratio, contrast = METHODS[method]
    detector = cv2.ORB_create(limit) if kind == "orb" else cv2.SIFT_create(limit, contrastThreshold=contrast)
    (ka, da), (kb, db) = (detector.detectAndCompute(p, None) for p in (a, b))
    if da is None or db is None or len(kb) < 2:
        return None
    if kind == "sift":
        da, db = (np.sqrt(d / np.maximum(d.sum(1, keepdims=True), 1e-12)) for d in (da, db))
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING if kind == "orb" else cv2.NORM_L2).knnMatch(da, db, k=2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < ratio * p[1].distance]
    if len(good) < 4:
        return None
    pa = np.float32([ka[m.queryIdx].pt for m in good])
    pb = np.float32([kb[m.trainIdx].pt for m in good])
    h, _ = cv2.findHomography(pa, pb, cv2.USAC_MAGSAC, 3.0, maxIters=10000, confidence=0.9999)
    return h


print(json.dumps({"version": cv2.__version__, "methods": list(METHODS)}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    a, b = picture(job["a"]), picture(job["b"])
    wall, processor = time.perf_counter(), time.process_time()
    try:
        h = homography(job["method"], a, b)
    except cv2.error:
        h = None
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(json.dumps({"h": None if h is None else h.ravel().tolist(), "seconds": wall, "processor": processor}), flush=True)
