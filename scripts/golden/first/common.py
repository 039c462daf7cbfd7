import copy, json, os, platform, sys
import numpy as np, torch
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
ROOT = os.environ.get("GOLD_OUT", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "models", "golden", "testdata"))
# weights file -> family/layout of every case
ARCHITECTURE = {
    "clip_vit_openai_tiny": {"weights.safetensors": "clip-vit/openai"},
    "hf_clip_tiny": {"weights.safetensors": "clip-vit/huggingface"},
    "clip_rn_tiny": {"weights.safetensors": "clip-resnet/openai (visual tower alone, keys without the visual. prefix)"},
    "dinov2reg_tiny": {"weights_hf.safetensors": "dinov2-reg/huggingface", "weights_timm.safetensors": "dinov2-reg/timm", "weights_dinov2hub.safetensors": "dinov2-reg/original"},
    "vitmae_tiny": {"weights.safetensors": "mae/huggingface (encoder and decoder)"},
    "mae_timm_tiny": {"weights.safetensors": "mae/timm (encoder)"},
    "vgg_tiny": {"weights.safetensors": "vgg/torchvision"},
    "nasnet_tiny": {"weights.safetensors": "nasnet-a/timm"},
}


def versions():
    v = {"python": platform.python_version()}
    for m in ("torch", "torchvision", "transformers", "timm", "open_clip", "numpy", "PIL", "scipy", "safetensors", "tokenizers"):
        try:
            v[m] = __import__(m).__version__
        except Exception:
            pass
    return v


class G:
    """seeded normal/uniform numbers"""
    def __init__(self, seed):
        self.g = torch.Generator().manual_seed(seed + int(os.environ.get("GOLD_SEED", "7919")))

    def n(self, *s):
        return torch.randn(*s, generator=self.g)

    def u(self, lo, hi, *s):
        return lo + (hi - lo) * torch.rand(*s, generator=self.g)


def images(g, b, h, w):
    """smooth blobs + fine noise, roughly zero mean and unit variance, like normalised photographs"""
    lo = torch.nn.functional.interpolate(g.n(b, 3, 5, 5), size=(h, w), mode="bicubic", align_corners=False)
    return (0.8 * lo + 0.4 * g.n(b, 3, h, w)).contiguous()


@torch.no_grad()
def randomise_transformer(model, g, special=None):
    """every tensor non-trivial; activations stay O(1). special: {substring: fn(param) -> tensor}"""
    special = special or {}
    for name, p in model.named_parameters():
        done = False
        for k, f in special.items():
            if k in name:
                t = f(p)
                if t is not None:
                    p.copy_(t)
                done = True
                break
        if done:
            continue
        low = name.lower()
        is_norm = any(s in low for s in ("ln_", "norm", "layrnorm"))
        if is_norm and name.endswith("weight"):
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
        elif any(s in low for s in ("embedding", "pos_embed", "position", "cls_token", "class_embedding", "register", "reg_token", "mask_token")) and "patch" not in low:
            p.copy_(0.5 * g.n(*p.shape))
        elif p.ndim >= 2:
            fan = p[0].numel()
            p.copy_(g.n(*p.shape) / fan ** 0.5)
        else:
            raise RuntimeError("no rule for " + name)


class Taps:
    def __init__(self):
        self.d, self.h = {}, []

    def on(self, module, name, pick=lambda o: o):
        def f(m, a, kw, o):
            self.d[name] = pick(o).detach().clone()
        self.h.append(module.register_forward_hook(f, with_kwargs=True))

    def pre(self, module, name):
        def f(m, a, kw):
            x = a[0] if a else next(iter(kw.values()))
            self.d[name] = x.detach().clone()
        self.h.append(module.register_forward_pre_hook(f, with_kwargs=True))

    def off(self):
        for h in self.h:
            h.remove()
        return self.d


def to64(x):
    return x.double() if torch.is_floating_point(x) else x


def run_both(build_run, model, inputs):
    """run in float32 and again in float64; returns float32 results and the largest float32-vs-float64 difference per tensor"""
    r32 = build_run(model, inputs)
    m64 = copy.deepcopy(model).double()
    torch.set_default_dtype(torch.float64)          # HF builds its causal mask in the default type
    try:
        r64 = build_run(m64, {k: to64(v) for k, v in inputs.items()})
    finally:
        torch.set_default_dtype(torch.float32)
    err = {}
    for k, v in r32.items():
        w = r64[k]
        assert v.shape == w.shape, k
        if torch.is_floating_point(v):
            err[k] = float((v.double() - w.double()).abs().max())
        else:
            assert torch.equal(v, w), k
    return r32, err


@torch.no_grad()
def scaled_copy(model, keys, factor):
    """copy with some tensors multiplied by factor: makes the residual stream so small that LayerNorm's eps matters"""
    m = copy.deepcopy(model)
    own = dict(m.named_parameters())
    for k in keys:
        own[k].mul_(factor)
    return m


def clean(d):
    return {k: v.detach().contiguous().clone() for k, v in d.items()}


def save_case(name, config, weights, io, err, notes, extra_files=None):
    """weights: dict file-suffix -> state dict ('' gives weights.safetensors)"""
    d = os.path.join(ROOT, name)
    os.makedirs(d, exist_ok=True)
    for suf, sd in weights.items():
        fn = "weights" + ("_" + suf if suf else "") + ".safetensors"
        save_file(clean(sd), os.path.join(d, fn), metadata={"format": "pt"})
    save_file(clean(io), os.path.join(d, "io.safetensors"), metadata={"format": "pt"})
    mags = {k: float(v.float().std()) for k, v in io.items() if torch.is_floating_point(v) and v.numel() > 1}
    man = {"case": name, "architecture": ARCHITECTURE[name], "versions": versions(), "config": config, "notes": notes,
           "tensors": {k: {"shape": list(v.shape), "dtype": str(v.dtype).replace("torch.", ""),
                           **({"std": round(mags[k], 5)} if k in mags else {}),
                           **({"float32_error": float("%.2g" % err[k])} if k in err else {})} for k, v in io.items()},
           "worst_float32_error": max(err.values()) if err else None}
    json.dump(man, open(os.path.join(d, "manifest.json"), "w"), indent=1)
    for f in os.listdir(d):
        os.chmod(os.path.join(d, f), 0o644)
    size = sum(os.path.getsize(os.path.join(d, f)) for f in os.listdir(d))
    bad = [k for k, v in io.items() if torch.is_floating_point(v) and not torch.isfinite(v).all()]
    w = max(err, key=err.get) if err else None
    print(f"{name}: {size/1e6:.2f} MB, {len(io)} tensors, std range {min(mags.values()):.3g}..{max(mags.values()):.3g}, "
          f"worst f32 error {err[w] if w else 0:.2g} ({w}), non-finite {bad}")
    return man
