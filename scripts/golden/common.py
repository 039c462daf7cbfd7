"""What every generator shares: seeded numbers, taps, the float64 twin run, and the case folder with its manifest."""
import copy
import json
import os
import platform

import torch
import torch.nn as nn
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("GOLD_OUT", os.path.join(HERE, "..", "..", "models", "golden", "testdata"))


def versions():
    v = {"python": platform.python_version()}
    for m in ("torch", "torchvision", "transformers", "timm", "open_clip", "numpy", "safetensors"):
        v[m] = __import__(m).__version__
    return v


class Numbers:
    """Seeded normal and uniform numbers. GOLD_SEED is added to every seed."""

    def __init__(self, seed):
        self.g = torch.Generator().manual_seed(seed + int(os.environ.get("GOLD_SEED", "0")))

    def n(self, *shape):
        return torch.randn(*shape, generator=self.g)

    def u(self, lo, hi, *shape):
        return lo + (hi - lo) * torch.rand(*shape, generator=self.g)

    def ids(self, lo, hi, *shape):
        return torch.randint(lo, hi, shape, generator=self.g)


def images(g, b, h, w):
    """Smooth blobs and fine noise, near zero mean and unit variance, like normalised photographs."""
    lo = nn.functional.interpolate(g.n(b, 3, 5, 5), size=(h, w), mode="bicubic", align_corners=False)
    return (0.8 * lo + 0.4 * g.n(b, 3, h, w)).contiguous()


NORM = ("ln_", "norm", "layrnorm")
TABLE = ("embedding", "pos_embed", "position", "cls_token", "class_embedding", "register", "reg_token", "mask_token")


@torch.no_grad()
def randomise_transformer(model, g, special=None):
    """Makes every tensor non-trivial while activations stay O(1). special: {part of the name: function of the parameter -> tensor or None}."""
    special = special or {}
    for name, p in model.named_parameters():
        rule = next((f for k, f in special.items() if k in name), None)
        low = name.lower()
        if rule is not None:
            t = rule(p)
            if t is not None:
                p.copy_(t)
        elif any(s in low for s in NORM) and name.endswith("weight"):
            p.copy_(1 + 0.25 * g.n(*p.shape))
        elif name.endswith("bias"):
            p.copy_(0.2 * g.n(*p.shape))
        elif "in_proj_weight" in name or "qkv.weight" in name:
            d = p.shape[1]
            w = g.n(*p.shape) / d ** 0.5
            w[: 2 * d] *= 1.6
            p.copy_(w)
        elif any(s in low for s in ("query.weight", "key.weight", "q_proj.weight", "k_proj.weight")):
            p.copy_(1.6 * g.n(*p.shape) / p.shape[1] ** 0.5)
        elif any(s in low for s in TABLE) and "patch" not in low:
            p.copy_(0.5 * g.n(*p.shape))
        elif p.ndim >= 2:
            p.copy_(g.n(*p.shape) / p[0].numel() ** 0.5)
        else:
            raise RuntimeError("no rule for " + name)


@torch.no_grad()
def randomise_convolutions(model, g, gain=1.4):
    """Weights of matrices and convolutions; normalisation layers are left to randomise_bn."""
    bn = {id(p) for m in model.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()}
    for p in model.parameters():
        if id(p) in bn:
            continue
        p.copy_(g.n(*p.shape) * (gain / p[0].numel() ** 0.5) if p.ndim >= 2 else 0.2 * g.n(*p.shape))


@torch.no_grad()
def randomise_bn(model, g, x):
    """Affine part (15 % negative) and running statistics near the true ones, so that activations are O(1), but visibly different."""
    bns = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for m in bns:
        c = m.num_features
        m.weight.copy_(g.u(0.6, 1.4, c) * torch.where(g.u(0, 1, c) < 0.15, -1.0, 1.0))
        m.bias.copy_(0.3 * g.n(c))
    old = [m.momentum for m in bns]
    for m in bns:
        m.momentum = 1.0
    drop = [m for m in model.modules() if isinstance(m, nn.Dropout)]
    model.train()
    for m in drop:
        m.eval()
    model(x)
    model.eval()
    for m, o in zip(bns, old):
        m.momentum = o
        m.running_mean += 0.3 * m.running_var.sqrt() * g.n(m.num_features)
        m.running_var *= g.u(0.6, 1.7, m.num_features)
        m.num_batches_tracked.fill_(1)


class Taps:
    """Copies what modules give (on) or get (pre); off removes the hooks and returns {name: tensor}."""

    def __init__(self):
        self.d, self.h = {}, []

    def on(self, module, name, pick=lambda o: o):
        self.h.append(module.register_forward_hook(lambda m, a, o: self.d.__setitem__(name, pick(o).detach().clone())))

    def pre(self, module, name):
        def f(m, a, kw):
            self.d[name] = (a[0] if a else next(iter(kw.values()))).detach().clone()
        self.h.append(module.register_forward_pre_hook(f, with_kwargs=True))

    def off(self):
        for h in self.h:
            h.remove()
        return self.d


def run_both(run, model, inputs):
    """Runs in float32 and again in float64: the float32 results and the largest difference of each tensor."""
    r32 = run(model, inputs)
    m64 = copy.deepcopy(model).double()
    torch.set_default_dtype(torch.float64)          # Hugging Face builds its causal mask in the default type
    try:
        r64 = run(m64, {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()})
    finally:
        torch.set_default_dtype(torch.float32)
    err = {}
    for k, v in r32.items():
        w = r64[k]
        assert v.shape == w.shape, k
        if v.is_floating_point():
            err[k] = float((v.detach().double() - w.detach()).abs().max())
        else:
            assert torch.equal(v, w), k
    return {k: v.detach() for k, v in r32.items()}, err


@torch.no_grad()
def scaled_copy(model, keys, factor):
    """A copy with some tensors multiplied by factor: the residual stream becomes so small that LayerNorm's eps matters."""
    m = copy.deepcopy(model)
    own = dict(m.named_parameters())
    for k in keys:
        own[k].mul_(factor)
    return m


def worst(a, b, pairs):
    """The largest |a - b| over pairs of keys, relative to the peak of the tensor of b."""
    return max(float((a[x] - b[y]).abs().max() / b[y].abs().max()) for x, y in pairs)


def agree(what, value, limit=2e-5):
    print(f"  {what}: {value:.2g}")
    assert value < limit, what
    return f"{what}: largest difference {value:.1g} of a tensor's peak"


def clean(d):
    return {k: v.detach().contiguous().clone() for k, v in d.items()}


def save_case(name, architecture, config, weights, io, err, notes, gradients=None, aliases=None, only=None):
    """Writes one case.

    architecture: {weights file: "family/layout"}, weights: {weights file: state dict}, io: every in.*, act*, out*, ... tensor,
    gradients: {key: {"of": site, "index": [...] (None: the mean over that axis), "input": key}} for every grad* tensor;
    aliases: {layout: {site of act*: that layout's own name}}; only: {key: [weights files]} for tensors that not every file of the case gives.
    """
    d = os.path.join(ROOT, name)
    os.makedirs(d, exist_ok=True)
    assert set(architecture) == set(weights)
    assert {k for k in io if k.startswith("grad")} == set(gradients or {})
    for fn, sd in weights.items():
        save_file(clean(sd), os.path.join(d, fn), metadata={"format": "pt"})
    io = clean(io)
    save_file(io, os.path.join(d, "io.safetensors"), metadata={"format": "pt"})
    tensors = {}
    for k, v in io.items():
        t = {"shape": list(v.shape), "dtype": str(v.dtype).replace("torch.", "")}
        if v.is_floating_point():
            assert torch.isfinite(v).all(), k
            if v.numel() > 1:
                t["std"] = round(float(v.float().std()), 5)
        if k in err:
            t["float32_error"] = float("%.2g" % err[k])
        tensors[k] = t
    man = {"case": name, "architecture": architecture, "versions": versions(), "config": config}
    for k, v in (("gradients", gradients), ("aliases", aliases), ("only", only)):
        if v:
            man[k] = v
    man["notes"] = notes
    man["tensors"] = tensors
    man["worst_float32_error"] = max(err.values()) if err else None
    with open(os.path.join(d, "manifest.json"), "w") as f:
        json.dump(man, f, indent=1)
        f.write("\n")
    size = 0
    for f in os.listdir(d):
        os.chmod(os.path.join(d, f), 0o644)
        size += os.path.getsize(os.path.join(d, f))
    rel = {k: err[k] / max(1e-12, float(io[k].abs().max())) for k in err if k in io}
    w = max(rel, key=rel.get) if rel else None
    std = [t["std"] for t in tensors.values() if "std" in t]
    print(f"{name}: {size / 1e3:.0f} kB, {len(io)} tensors, std {min(std):.3g}..{max(std):.3g}, worst float32 error {rel[w]:.2g} of the peak ({w})")
