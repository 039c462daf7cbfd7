#!/usr/bin/env python3
"""nasnet_f4_tiny: NASNet-A by timm with F = 4 and three cells a stage, other sizes, both average pools."""
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from timm.layers.padding import pad_same
from timm.layers.pool2d_same import AvgPool2dSame
from timm.models.nasnet import NASNetALarge

from common import *


class TensorFlowAvg(nn.Module):
    """average pool with TensorFlow's SAME semantics: padding is not counted"""

    def __init__(self, k, s):
        super().__init__()
        self.k, self.s = k, s

    def forward(self, x):
        return F.avg_pool2d(pad_same(x, self.k, self.s), self.k, self.s) / F.avg_pool2d(pad_same(torch.ones_like(x[:1, :1]), self.k, self.s), self.k, self.s)


def tensorflow_pools(m):
    m, n = copy.deepcopy(m), 0
    for mod in list(m.modules()):
        for name, ch in list(mod.named_children()):
            if isinstance(ch, AvgPool2dSame):
                setattr(mod, name, TensorFlowAvg(list(ch.kernel_size), list(ch.stride)))
                n += 1
    assert n == 4
    return m


def build(seed, f, stem, per_stage, size):
    m = NASNetALarge(num_classes=7, stem_size=stem, num_features=24 * f, channel_multiplier=2, pad_type="same").eval()
    if per_stage < 6:
        for n in [n for n in m.layer_names if n.startswith("cell_") and "stem" not in n and int(n[5:]) % 6 >= per_stage]:
            delattr(m, n)
            m.layer_names.remove(n)
        m.feature_ends = [0, 1, m.layer_names.index(f"cell_{per_stage - 1}"), m.layer_names.index(f"cell_{5 + per_stage}"), len(m.layer_names) - 1]
        # forward_intermediates is timm's own wiring over layer_names
        m.forward_features = lambda x, m=m: m.forward_intermediates(x)[0]
    g = Numbers(seed)
    randomise_convolutions(m, g)
    randomise_bn(m, g, images(g, 8, size, size))
    return m


def forward(m, x):
    if "forward_features" in m.__dict__:                     # a deep copy must not run the model it was copied from
        m.forward_features = lambda y: m.forward_intermediates(y)[0]
    return m(x)


def make_run(sizes, detail, grad):
    """sizes: {input: names of cells to keep}; detail: {cell: input whose branches and pieces are kept}"""
    def run(m, i):
        out = {}
        for n, cells in sizes.items():
            s = n[len("in.image"):]
            t, keep = Taps(), {}
            for c in cells:
                t.on(getattr(m, c), c)
            for c, where in detail.items():
                if where != n:
                    continue
                cell = getattr(m, c)
                t.on(cell.conv_1x1, c + ".h")
                for k in range(5):
                    for side in ("left", "right"):
                        b = getattr(cell, f"comb_iter_{k}_{side}", None)
                        if b is not None:
                            t.on(b, f"{c}.comb_iter_{k}_{side}")
            x = i[n].clone().requires_grad_(True)
            hk = getattr(m, grad[0]).register_forward_hook(lambda mm, a, o: keep.update(o=o))
            out[f"out{s}.logits"] = forward(m, x)
            hk.remove()
            out.update({f"act{s}.{k}": v for k, v in t.off().items()})
            if n == grad[2]:
                out[f"grad{s}.unit.image"], = torch.autograd.grad(keep["o"][grad[1]], x)
        return out
    return run


def case(name, seed, f, stem, per_stage, inputs, sizes, detail, grad, tf_cells, more):
    side = max(inputs[0])
    m = build(seed, f, stem, per_stage, side)
    g = Numbers(seed + 1)
    inp = {"in.image" + ("x".join(map(str, s)) if s[0] != s[1] else str(s[0])): images(g, 1, *s) for s in inputs}
    assert list(inp) == list(sizes)
    run = make_run(sizes, detail, grad)
    r, err = run_both(run, m, inp)
    rt, errt = run_both(run, tensorflow_pools(m), inp)
    d = {}
    for n in sizes:
        s = n[len("in.image"):]
        for k in [f"act{s}.{c}" for c in tf_cells if f"act{s}.{c}" in r] + [f"out{s}.logits"]:
            to = f"tfavg{s}." + k.split(".", 1)[1]
            r[to], err[to] = rt[k], errt[k]
            d[to] = worst(rt, r, [(k, k)])
    print("   TensorFlow's average pools change", {k: f"{v:.2g}" for k, v in d.items()})
    shapes = {k: list(v.shape) for k, v in r.items() if k.startswith("act") and k.count(".") == 1}
    at = list(grad[1])
    save_case(name, {"weights.safetensors": "nasnet-a/timm"},
              dict(num_features=24 * f, F=f, stem_size=stem, channel_multiplier=2, cells_per_stage=per_stage, num_classes=7, pad_type="same", bn_eps=1e-3, cells=[n for n in m.layer_names], sizes=shapes),
              {"weights.safetensors": m.state_dict()}, {**inp, **r}, err, [
        f"timm NASNetALarge(num_features={24 * f}, stem_size={stem}), F = {f}, NCHW, eval, BatchNorm eps 1e-3 with random statistics and affine", *more,
        "act*.cell_N = raw concatenation (no ReLU); .h = conv_1x1 branch; .comb_iter_K_{left,right} = every branch before the pairwise sums (average pools at stride 1: padding not counted)",
        "act* and out* use timm's average pools (the four with stride 2 count padded zeros), tfavg* the same network with TensorFlow's (padding not counted)",
        f"{'grad' + grad[2][8:]}.unit.image = d {grad[0]}{at} / d {grad[2]}"],
        {f"grad{grad[2][8:]}.unit.image": {"of": grad[0], "index": at, "input": grad[2]}})


def main():
    case("nasnet_f4_tiny", 35001, 4, 6, 3, [(65, 65), (82, 70)],
         {"in.image65": ["conv0", "cell_stem_0", "cell_stem_1", "cell_0", "cell_1", "cell_2", "reduction_cell_0", "cell_6", "cell_8", "reduction_cell_1", "cell_12", "cell_14"],
          "in.image82x70": ["cell_stem_1", "cell_0", "reduction_cell_0", "cell_6", "reduction_cell_1", "cell_14"]},
         {"cell_1": "in.image65", "reduction_cell_0": "in.image82x70"}, ("cell_0", (0, 13, 4, 6), "in.image65"), ("cell_stem_1", "cell_0", "reduction_cell_0"),
         ["three cells a stage: cell_0..2, cell_6..8, cell_12..14, keeping the numbers of the 18-cell network, as the Mobile network's weights do; wired by timm's forward_intermediates; cell_1 (a plain normal cell) and reduction_cell_0 with every branch", "82x70: maps 40x34, 20x17, 10x9, 5x5, 3x3: even and odd sizes pad differently"])


if __name__ == "__main__":
    main()
