"""Trains the classifier and writes what the job reads: weights, pixels and labels.

usage: train.py            (needs numpy)

Two layers, 64 -> 32 -> 10. Trained in floats on the first 1 200 images, then rounded to whole
numbers; the other 597 images are what the accuracy is told of. All files are little-endian.

  weights.i32  hidden weights [32][64], hidden biases [32], output weights [10][32], output biases [10]
  pixels.u8    1 797 images of 64 bytes, each 0..16
  labels.u8    1 797 bytes, then zeros to a multiple of four
"""

import gzip

import numpy as np

TRAINED, HIDDEN, SHIFT = 1_200, 32, 8

rows = np.array([line.split(b",") for line in gzip.open("digits.csv.gz").read().split()], dtype=np.int64)
pixels, labels = rows[:, :64], rows[:, 64]
chance = np.random.default_rng(1)
w1, b1 = chance.normal(0, 0.15, (HIDDEN, 64)), np.zeros(HIDDEN)
w2, b2 = chance.normal(0, 0.15, (10, HIDDEN)), np.zeros(10)
x, wanted = pixels[:TRAINED] / 16, np.eye(10)[labels[:TRAINED]]
speed = [np.zeros_like(p) for p in (w1, b1, w2, b2)]
for step in range(3_000):
    batch = chance.integers(0, TRAINED, 64)
    xb = x[batch] + chance.normal(0, 0.05, (64, 64))
    h = np.maximum(0, xb @ w1.T + b1)
    scores = h @ w2.T + b2
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    d = (p - wanted[batch]) / 64
    back = (d @ w2) * (h > 0)
    slopes = (back.T @ xb + 1e-4 * w1, back.sum(0), d.T @ h + 1e-4 * w2, d.sum(0))
    for value, pace, slope in zip((w1, b1, w2, b2), speed, slopes):
        pace *= 0.9
        pace -= 0.2 * slope
        value += pace

# A pixel is 16 times what was trained with; a hidden value keeps its scale, times 2^8 / 2^8.
W1, B1 = np.rint(w1 * 256).astype(np.int64), np.rint(b1 * 256 * 16).astype(np.int64)
W2, B2 = np.rint(w2 * 256).astype(np.int64), np.rint(b2 * 256 * 16).astype(np.int64)
hidden = np.maximum(0, pixels @ W1.T + B1) >> SHIFT
found = (hidden @ W2.T + B2).argmax(1)
right = found == labels
print(f"trained on: {right[:TRAINED].mean():.4f}, never seen: {right[TRAINED:].sum()} of {right[TRAINED:].size}")

np.concatenate([W1.ravel(), B1, W2.ravel(), B2]).astype("<i4").tofile("weights.i32")
pixels.astype(np.uint8).tofile("pixels.u8")
padded = np.zeros(-(-len(labels) // 4) * 4, np.uint8)
padded[: len(labels)] = labels
padded.tofile("labels.u8")
