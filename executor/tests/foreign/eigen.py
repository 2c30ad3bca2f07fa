"""Eigenvalues, a linear system and a transform with numpy, in whole numbers of a millionth."""
import numpy as np

n = 120
i = np.arange(n)
a = 1.0 / (1 + np.abs(i[:, None] - i[None, :])) + np.diag(i / n)
values = np.linalg.eigvalsh(a)
x = np.linalg.solve(a, np.cos(i))
f = np.abs(np.fft.rfft(x))
whole = lambda v: np.rint(v * 1e6).astype(np.int64)
print("eigenvalues", whole(values).tolist())
print("solution", whole(x).tolist())
print("spectrum", whole(f).tolist())
