"""Times what numpy and scipy take to score rate maps, vectorised over units, beside `ventral bench ratemaps`.

    python scripts/peer_ratemaps.py [--units 768] [--stimuli 3000] [--bins 28] [--shuffles 1000] [--repeat 3] [--tasks grid,border,skaggs,maps,eta2]

Prints one JSON object: for each task the best wall seconds and the processor seconds of that run, and a checksum that
`ventral bench ratemaps` compares with its own. Inputs are made from a counter-based hash (splitmix64), so that both
sides score the same numbers.
"""

import argparse
import json
import os
import resource
import time

import numpy as np
from scipy import ndimage


def uniform(seed, n):
    """n numbers in [0, 1) from splitmix64 of seed * 2^40 + index, as the Go side makes them."""
    with np.errstate(over="ignore"):
        z = np.arange(n, dtype=np.uint64) + np.uint64(seed) * np.uint64(1 << 40)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def inputs(units, stimuli, bins):
    """Rectified noise of every unit, [stimulus, unit], and the bin of every stimulus."""
    u = uniform(1, stimuli * units).reshape(stimuli, units)
    act = np.maximum(3.4641016151377544 * (u - 0.5) + 0.5, 0).astype(np.float32)
    place = np.minimum((uniform(2, stimuli) * bins * bins).astype(int), bins * bins - 1)
    return act, place


def smooth_maps(act, place, bins):
    """Mean by bin, empty bins from the nearest, and a Gaussian of 1.5 bins: [unit, row, col]."""
    occ = np.bincount(place, minlength=bins * bins).astype(float)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(bins * bins))
    seen = occ > 0
    sums = np.zeros((bins * bins, act.shape[1]))
    sums[seen] = np.add.reduceat(act[order].astype(float), starts[seen], axis=0)
    maps = (sums / np.maximum(occ, 1)[:, None]).T.reshape(-1, bins, bins)
    if not seen.all():
        near = ndimage.distance_transform_edt(~seen.reshape(bins, bins), return_distances=False, return_indices=True)
        maps = maps[:, near[0], near[1]]
    return ndimage.gaussian_filter(maps, (0, 1.5, 1.5))


def grid_scores(maps):
    """Autocorrelogram by FFT (Pearson at every lag), bilinear rotations of all maps at once, ten rings."""
    n, side = len(maps), maps.shape[1]
    lag = (int(round(1.8 * side)) - 1) // 2
    size = 2 * side
    m = maps - maps.mean((1, 2), keepdims=True)
    one = np.zeros((size, size))
    one[:side, :side] = 1
    f1, fm, fq = np.fft.rfft2(one), np.fft.rfft2(m, (size, size)), np.fft.rfft2(m * m, (size, size))
    back = lambda f: np.fft.irfft2(f, (size, size))
    cnt = np.round(back(f1 * f1.conj()))
    xy, sx, sxx = back(fm * fm.conj()), back(fm * f1.conj()), back(fq * f1.conj())
    flip = lambda a: np.roll(a[:, ::-1, ::-1], (1, 1), (1, 2))
    sy, syy = flip(sx), flip(sxx)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (xy - sx * sy / cnt) / np.sqrt((sxx - sx * sx / cnt) * (syy - sy * sy / cnt))
    r = np.nan_to_num(np.roll(r, (lag, lag), (1, 2))[:, : 2 * lag + 1, : 2 * lag + 1])
    s = 2 * lag + 1
    yy, xx = np.mgrid[-lag : lag + 1, -lag : lag + 1]
    dist = np.hypot(yy, xx)
    flat = r.reshape(n, -1)
    turned = []
    for angle in (30, 60, 90, 120, 150):
        c, sn = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        y, x = lag + c * yy - sn * xx, lag + sn * yy + c * xx
        i, j = np.clip(np.floor(y).astype(int), 0, s - 2), np.clip(np.floor(x).astype(int), 0, s - 2)
        fy, fx = (y - i).ravel(), (x - j).ravel()
        k = (i * s + j).ravel()
        turned.append(flat[:, k] * (1 - fy) * (1 - fx) + flat[:, k + 1] * (1 - fy) * fx + flat[:, k + s] * fy * (1 - fx) + flat[:, k + s + 1] * fy * fx)
    best = np.full(n, -np.inf)
    for outer in np.linspace(0.4, 1, 10) * lag:
        ring = ((dist > 0.2 * lag) & (dist <= outer)).ravel()
        a = flat[:, ring] - flat[:, ring].mean(1, keepdims=True)
        sa = np.sqrt((a * a).sum(1))
        cc = []
        for t in turned:
            b = t[:, ring] - t[:, ring].mean(1, keepdims=True)
            cc.append((a * b).sum(1) / (sa * np.sqrt((b * b).sum(1))))
        best = np.fmax(best, np.minimum(cc[1], cc[3]) - np.maximum(np.maximum(cc[0], cc[2]), cc[4]))
    return best


def border_scores(maps, share=0.3, least=9):
    """Solstad et al. 2008 over connected bins of 30 % of the peak."""
    n, side = len(maps), maps.shape[1]
    i = np.arange(side)
    edge = np.minimum(i, side - 1 - i)
    far = np.minimum(edge[:, None], edge[None, :]) + 1
    out = np.full(n, -1.0)
    for u, m in enumerate(maps):
        label, k = ndimage.label(m >= share * m.max())
        if k == 0:
            continue
        area = np.bincount(label.ravel(), minlength=k + 1)
        area[0] = 0
        keep = area >= least
        inside = keep[label]
        if not inside.any():
            continue
        cover = 0
        for wall in (label[0], label[-1], label[:, 0], label[:, -1]):
            count = np.bincount(wall, minlength=k + 1) * keep
            cover = max(cover, count.max() / side)
        rate = m[inside]
        d = 2 * (rate * far[inside]).sum() / rate.sum() / side
        out[u] = (cover - d) / (cover + d)
    return out


def rate_maps(act, place, bins):
    """Sums by bin through one sparse product."""
    from scipy import sparse

    n = len(place)
    occ = np.bincount(place, minlength=bins * bins)
    w = sparse.csr_matrix((np.ones(n, np.float32), (place, np.arange(n))), (bins * bins, n))
    return (w @ act) / np.maximum(occ, 1)[:, None]


def skaggs_null(act, place, bins, shuffles, log=True):
    """Information (or, without log, eta squared) under permuted places: one sparse product a shuffle, float32 throughout."""
    from scipy import sparse

    n = len(place)
    occ = np.bincount(place, minlength=bins * bins)
    seen = occ > 0
    rows = np.concatenate([[0], np.cumsum(occ[seen])]).astype(np.int32)
    o = occ[seen].astype(np.float32)[:, None]
    rng = np.random.default_rng(0)
    a = (act / act.mean(0) if log else act - act.mean(0)).astype(np.float32)
    total = (a * a).sum(0)
    one = np.ones(n, np.float32)

    def score(order):
        s = sparse.csr_matrix((one, order, rows), (len(rows) - 1, n)) @ a
        if not log:
            return (s * s / o).sum(0) / total
        return (s * np.log2(np.maximum(s / o, np.float32(1e-30)))).sum(0) / n

    obs = score(np.argsort(place, kind="stable").astype(np.int32))
    reach = np.zeros(act.shape[1], int)
    for _ in range(shuffles):
        reach += score(rng.permutation(n).astype(np.int32)) >= obs
    return obs, (1 + reach) / (1 + shuffles)


def cpu():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--units", type=int, default=768)
    p.add_argument("--stimuli", type=int, default=3000)
    p.add_argument("--bins", type=int, default=28)
    p.add_argument("--shuffles", type=int, default=1000)
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--tasks", default="maps,grid,border,skaggs,eta2")
    a = p.parse_args()
    act, place = inputs(a.units, a.stimuli, a.bins)
    maps = smooth_maps(act, place, a.bins)
    tasks = {
        "maps": lambda: rate_maps(act, place, a.bins).sum(),
        "grid": lambda: np.nanmean(grid_scores(maps)),
        "border": lambda: border_scores(maps).mean(),
        "skaggs": lambda: skaggs_null(act, place, a.bins, a.shuffles)[0].mean(),
        "eta2": lambda: skaggs_null(act, place, a.bins, a.shuffles, log=False)[0].mean(),
    }
    out = {"numpy": np.__version__, "threads": os.environ.get("OMP_NUM_THREADS", ""), "tasks": {}}
    for name in a.tasks.split(","):
        runs = []
        for _ in range(a.repeat):
            w, c = time.perf_counter(), cpu()
            value = float(tasks[name]())
            runs.append((time.perf_counter() - w, cpu() - c))
        out["tasks"][name] = {"wall": min(r[0] for r in runs), "cpu": min(r[1] for r in runs), "value": value}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
