"""Fits scikit-learn's linear classifiers to features that `go test ./pkg/rig/train -bench ProbePeer` has written.

    python scripts/peer_probe.py FOLDER

FOLDER holds train.x and test.x (float64, rows of features) and train.y and test.y (int32, classes). Prints one JSON
object: for each classifier the share of test rows that it classifies rightly and the processor seconds of choosing its
penalty and fitting it. Penalties are chosen by the accuracy on the last fifth of the training rows.
"""

import json
import pathlib
import sys
import time

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.preprocessing import StandardScaler


def read(folder, part):
    y = np.fromfile(folder / f"{part}.y", np.int32)
    return np.fromfile(folder / f"{part}.x", np.float64).reshape(len(y), -1), y


def main():
    folder = pathlib.Path(sys.argv[1])
    (x, y), (new, want) = read(folder, "train"), read(folder, "test")
    scale = StandardScaler().fit(x)
    x, new = scale.transform(x), scale.transform(new)
    cut = len(y) - len(y) // 5
    families = {
        "logistic": [lambda c=c: LogisticRegression(C=c, max_iter=1000) for c in (0.01, 0.1, 1, 10, 100)],
        "ridge": [lambda a=a: RidgeClassifier(alpha=a * len(y)) for a in (1e-4, 1e-3, 1e-2, 1e-1, 1)],
        "discriminant": [lambda s=s: LinearDiscriminantAnalysis(solver="lsqr", shrinkage=s) for s in (1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 0.5)],
    }
    out = {}
    for name, models in families.items():
        start = time.process_time()
        best = max(models, key=lambda m: m().fit(x[:cut], y[:cut]).score(x[cut:], y[cut:]))
        right = best().fit(x, y).score(new, want)
        out[name] = {"right": right, "seconds": time.process_time() - start}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
