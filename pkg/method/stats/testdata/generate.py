"""Writes reference.json: numbers of scipy 1.17.1 and numpy 2.4.6 for the tests of this package.

    python3 -m venv env && env/bin/pip install numpy==2.4.6 scipy==1.17.1 && env/bin/python generate.py
"""
import json

import numpy as np
import scipy.stats as st
from scipy.stats._resampling import _bca_interval

rng = np.random.default_rng(7)
x = np.round(rng.normal(2, 3, 41), 3)
y = np.round(0.6 * x + rng.normal(0, 2, 41), 3)
ties = np.round(rng.normal(0, 1.2, 60))
other = np.round(ties + rng.normal(0, 1.5, 60))
skew = np.round(rng.exponential(1, 25), 3)
p = np.round(np.concatenate([rng.uniform(0, 1, 30), rng.uniform(0, 0.01, 10), [0.5, 0.5, 1.0, 0.0]]), 4)
boot = np.sort([skew[rng.integers(0, 25, 25)].mean() for _ in range(999)])
low, high, acceleration = _bca_interval((skew,), lambda a, axis: np.mean(a, axis=axis), -1, 0.025, boot, None, np)
probs = [0, 0.01, 0.05, 0.25, 0.5, 0.77, 0.95, 1]
wilson = []
for k, n, level in [(0, 10, 0.95), (10, 10, 0.95), (3, 10, 0.9), (881, 1000, 0.95), (1, 1, 0.99), (2, 3000, 0.95)]:
    ci = st.binomtest(k, n).proportion_ci(level, method="wilson")
    wilson.append([k, n, level, float(ci.low), float(ci.high)])
pairs = np.round(rng.normal(0.4, 1, 12), 2)
exact = st.permutation_test((pairs,), np.mean, permutation_type="samples", n_resamples=np.inf)
exact_greater = st.permutation_test((pairs,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="greater")
tl = lambda a: [float(v) for v in np.ravel(a)]
json.dump({
    "x": tl(x), "y": tl(y), "ties": tl(ties), "other": tl(other), "skew": tl(skew), "p": tl(p),
    "mean": float(x.mean()), "sd": float(x.std(ddof=1)), "population_sd": float(x.std()), "sem": float(st.sem(x)),
    "probs": probs, "quantiles": tl(np.quantile(x, probs)), "quantiles_ties": tl(np.quantile(ties, probs)),
    "pearson": float(st.pearsonr(x, y)[0]), "spearman": float(st.spearmanr(x, y)[0]), "spearman_ties": float(st.spearmanr(ties, other)[0]),
    "ranks": tl(st.rankdata(ties)), "q": tl(st.false_discovery_control(p)),
    "f": [[f, a, b, float(st.f.sf(f, a, b))] for f, a, b in [(0.5, 3, 10), (1, 1, 1), (4.2, 12, 300), (1.17, 780, 2200), (25.0, 783, 2216), (3.3, 2, 7)]],
    "wilson": wilson, "boot": tl(boot), "bca": [float(low), float(high), float(acceleration)],
    "trapezoid": float(np.trapezoid(y, np.sort(x))), "pairs": tl(pairs), "pairs_p": float(exact.pvalue), "pairs_greater": float(exact_greater.pvalue),
}, open("reference.json", "w"), separators=(",", ":"))
