"""Writes reference.json: maps and what opexebo 0.7.2 says of them, for the parity tests of this package.

    python3.10 -m venv env
    env/bin/pip install numpy==1.24.4 scipy==1.10.1 scikit-image==0.19.3 opexebo==0.7.2
    env/bin/python generate.py

The DeepMind scores are of an own implementation of the published definition (Banino et al. 2018), below.
Unvisited bins are null.
"""
import json
import warnings

import numpy as np
import opexebo
import scipy.ndimage
import scipy.signal

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20181)
ANGLES = (30, 45, 60, 90, 120, 135, 150)


def correlogram(a):
    """All 2N-1 shifts; 0 where the variance of a part is lost in rounding (the published code leaves NaN there)."""
    a = np.nan_to_num(a)
    one = np.ones_like(a)
    cross = lambda x, y: scipy.signal.convolve2d(x, y[::-1, ::-1], mode="full")
    n = cross(one, one)
    s1, s2, q1, q2, xy = cross(a, one), cross(one, a), cross(a * a, one), cross(one, a * a), cross(a, a)
    v1, v2 = q1 / n - (s1 / n) ** 2, q2 / n - (s2 / n) ** 2
    ok = (v1 > 1e-13 * q1 / n) & (v2 > 1e-13 * q2 / n)
    return np.where(ok, (xy / n - s1 * s2 / n**2) / np.sqrt(np.where(ok, v1 * v2, 1)), 0)


def deepmind(a):
    n = a.shape[0]
    sac = correlogram(a)
    turned = {t: scipy.ndimage.rotate(sac, t, reshape=False) for t in ANGLES}
    y, x = np.mgrid[1 - n:n, 1 - n:n]
    d = np.sqrt(x**2 + y**2)
    rows = []
    for outer in np.linspace(0.4, 1, 10):
        m = (d > 0.2 * n) & (d <= outer * n)
        mean = sac[m].mean()
        var = ((sac[m] - mean) ** 2).mean() + 1e-5
        c = {t: ((sac[m] - mean) * (turned[t][m] - mean)).mean() / var for t in ANGLES}
        rows.append(((c[60] + c[120]) / 2 - (c[30] + c[90] + c[150]) / 3,
                     min(c[60], c[120]) - max(c[30], c[90], c[150]),
                     c[90] - (c[45] + c[135]) / 2))
    return np.max(rows, axis=0).tolist()


def hexagons(rows, cols, spacing, turn):
    i, j = np.mgrid[:rows, :cols].astype(float)
    u, v = j - (cols - 1) / 2, i - (rows - 1) / 2
    return sum(np.cos(4 * np.pi / (np.sqrt(3) * spacing) * (u * np.cos(t) + v * np.sin(t)))
               for t in np.radians(np.array([0, 60, 120]) + turn)) / 4.5 + 1 / 3


def noise(rows, cols, sigma):
    a = scipy.ndimage.gaussian_filter(rng.normal(size=(rows, cols)), sigma)
    return a / a.std()


def blobs(rows, cols, count):
    i, j = np.mgrid[:rows, :cols].astype(float)
    a = sum(rng.uniform(8, 20) * np.exp(-((i - rng.uniform(6, rows - 6)) ** 2 + (j - rng.uniform(6, cols - 6)) ** 2)
                                        / (2 * rng.uniform(2, 3.5) ** 2)) for _ in range(count))
    a[a < 0.3] = 0
    return a


def gaps(a, count):
    a = a.copy()
    a.flat[rng.choice(a.size, count, replace=False)] = np.nan
    return a


MAPS = {
    "noise 28 s1": noise(28, 28, 1), "noise 28 s1.5": noise(28, 28, 1.5), "noise 28 s2.5": noise(28, 28, 2.5),
    "rates 28": np.maximum(noise(28, 28, 1.5) + 0.5, 0), "white 20": rng.normal(size=(20, 20)),
    "noisy lattice 28": hexagons(28, 28, 9, 11) + 0.15 * noise(28, 28, 0.8),
    "noisy lattice 40": hexagons(40, 40, 13, 40) + 0.3 * noise(40, 40, 1.5), "lattice 32 x 26": hexagons(32, 26, 8.5, 3),
    "lattice 33": hexagons(33, 33, 14, 22), "blobs 36": blobs(36, 36, 2), "blobs 30 x 40": blobs(30, 40, 3),
    "gaps 28": gaps(np.maximum(noise(28, 28, 1.5) + 1, 0), 20), "small 9": noise(9, 9, 1), "tiny 7": noise(7, 7, 0.7),
}


def fields(a, **thresholds):
    try:
        found, label = opexebo.analysis.place_field(a.copy(), **thresholds)
    except Exception as e:  # the tool fails on some maps
        return {"error": type(e).__name__}
    for f in found:
        f["field_map"] = f["map"]
    score, coverage = opexebo.analysis.border_score(a.copy(), label, found, "rect")
    return {"area": [int(f["area"]) for f in found], "peak": [[int(k) for k in f["peak_coords"]] for f in found],
            "label": np.asarray(label).astype(int).ravel().tolist() if found else [],
            "border": number(score), "coverage": number(coverage)}


def number(x):
    x = float(x)
    return None if np.isnan(x) else x


def listed(a):
    return [number(x) for x in np.ravel(a)]


out = []
for name, a in MAPS.items():
    a = np.round(a, 5)
    occ = rng.integers(1, 9, a.shape).astype(float)
    occ[np.isnan(a)] = 0
    rate, time = np.ma.masked_invalid(a), np.ma.masked_where(np.isnan(a), occ)
    st = opexebo.analysis.rate_map_stats(rate.copy(), time)
    ac = opexebo.analysis.autocorrelation(a.copy())
    score, geometry = opexebo.analysis.grid_score(ac)
    out.append({
        "name": name, "rows": a.shape[0], "cols": a.shape[1], "rate": listed(a), "occupancy": listed(occ),
        "info_rate": number(st["spatial_information_rate"]), "info_content": number(st["spatial_information_content"]),
        "sparsity": number(st["sparsity"]), "selectivity": number(st["selectivity"]),
        "coherence": number(opexebo.analysis.rate_map_coherence(a.copy())),
        "autocorrelogram_shape": list(ac.shape), "autocorrelogram_diagonal": listed([ac[i, i % ac.shape[1]] for i in range(ac.shape[0])]),
        "grid": number(score), "spacing": number(geometry["grid_spacing"]), "orientation": number(geometry["grid_orientation"]),
        "deepmind": listed(deepmind(a)) if a.shape[0] == a.shape[1] else None,
        "smooth": listed(opexebo.general.smooth(a.copy(), 1.5).ravel()[:: 37]),
        "fields": fields(a), "fields_open": fields(a, min_peak=0, min_mean=0),
    })
# Many small maps, for the branches of the field search that the ones above do not take.
for k in range(40):
    a = np.maximum(noise(20, 20, 0.7 + 0.04 * k) * 3 + k % 4, 0) if k % 2 else noise(18, 22, 0.6 + 0.05 * k) + 0.4 * hexagons(18, 22, 6 + k / 10, k)
    a = np.round(a, 2)
    score, geometry = opexebo.analysis.grid_score(opexebo.analysis.autocorrelation(a.copy()))
    out.append({"name": f"small {k}", "rows": a.shape[0], "cols": a.shape[1], "rate": listed(a), "grid_only": True, "grid": number(score),
                "spacing": number(geometry["grid_spacing"]), "orientation": number(geometry["grid_orientation"]),
                "fields": fields(a) | {"label": []}, "fields_open": fields(a, min_peak=0, min_mean=0) | {"label": []}})
with open("reference.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
