#!/usr/bin/env python3
"""DINOv2 without registers in three layouts, whose resampling differs (dinov2_hf_tiny, dinov2_timm_tiny, dinov2_original_tiny), and the
gated feed-forward of ViT-g without and with registers (dinov2_swiglu_tiny, dinov2reg_swiglu_tiny, three key layouts each).
Needs transformers 4.x: its names in memory are the hub's."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from timm.layers import SwiGLUPacked
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

from common import *
from vit_taps import hf_blocks_to_original, tap_hf, tap_timm, timm_probs


def hf_to_original(sd, depth, swiglu):
    o = {"cls_token": sd["embeddings.cls_token"], "pos_embed": sd["embeddings.position_embeddings"], "mask_token": sd["embeddings.mask_token"],
         "patch_embed.proj.weight": sd["embeddings.patch_embeddings.projection.weight"], "patch_embed.proj.bias": sd["embeddings.patch_embeddings.projection.bias"],
         "norm.weight": sd["layernorm.weight"], "norm.bias": sd["layernorm.bias"]}
    if "embeddings.register_tokens" in sd:
        o["register_tokens"] = sd["embeddings.register_tokens"]
    ffn = (("mlp.weights_in", "mlp.w12"), ("mlp.weights_out", "mlp.w3")) if swiglu else (("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2"))
    pairs = (("norm1", "norm1"), ("attention.output.dense", "attn.proj"), ("norm2", "norm2")) + ffn
    o.update(hf_blocks_to_original(sd, "encoder.layer", depth, pairs))
    for i in range(depth):
        o[f"blocks.{i}.ls1.gamma"] = sd[f"encoder.layer.{i}.layer_scale1.lambda1"]
        o[f"blocks.{i}.ls2.gamma"] = sd[f"encoder.layer.{i}.layer_scale2.lambda1"]
    return o


class Original(nn.Module):
    """The published model's forward pass on timm's blocks: positions by scale factor (n + 0.1) / table side, bicubic, no antialias."""

    def __init__(self, cfg, sd):
        super().__init__()
        self.t = build_timm(cfg, sd)
        self.patch, self.side = cfg["patch_size"], cfg["image_size"] // cfg["patch_size"]

    def positions(self, h, w):
        p = self.t.pos_embed
        if h == w == self.side:
            return p
        grid = p[:, 1:].reshape(1, self.side, self.side, -1).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, scale_factor=((h + 0.1) / self.side, (w + 0.1) / self.side), mode="bicubic")
        assert grid.shape[-2:] == (h, w)
        return torch.cat([p[:, :1], grid.flatten(2).transpose(1, 2)], 1)

    def forward_features(self, x):
        h, w = x.shape[2] // self.patch, x.shape[3] // self.patch
        x = F.conv2d(x, self.t.patch_embed.proj.weight, self.t.patch_embed.proj.bias, stride=self.patch).flatten(2).transpose(1, 2)
        x = torch.cat([self.t.cls_token.expand(len(x), -1, -1), x], 1) + self.positions(h, w)
        for b in self.t.blocks:
            x = b(x)
        return self.t.norm(x)


def build_timm(cfg, orig):
    d, swiglu, reg = cfg["hidden_size"], cfg["use_swiglu_ffn"], cfg.get("num_register_tokens", 0)
    kw = dict(mlp_ratio=cfg["mlp_ratio"])
    if swiglu:
        kw = dict(mlp_ratio=2 * cfg["ffn_hidden"] / d, mlp_layer=SwiGLUPacked, act_layer=nn.SiLU)
    tm = VisionTransformer(img_size=cfg["image_size"], patch_size=cfg["patch_size"], embed_dim=d, depth=cfg["num_hidden_layers"], num_heads=cfg["num_attention_heads"],
                           init_values=1e-5, reg_tokens=reg, no_embed_class=reg > 0, num_classes=0, dynamic_img_size=True, **kw).eval()
    tm.load_state_dict(checkpoint_filter_fn(dict(orig), tm), strict=True)
    return tm


def build_hf(cfg, g):
    reg = "num_register_tokens" in cfg
    cls, conf = (Dinov2WithRegistersModel, Dinov2WithRegistersConfig) if reg else (Dinov2Model, Dinov2Config)
    own = {k: v for k, v in cfg.items() if k != "ffn_hidden"}
    hf = cls._from_config(conf(**own), attn_implementation="eager").eval()
    randomise_transformer(hf, g, {"lambda1": lambda p: g.u(0.3, 1.2, *p.shape) * torch.where(g.u(0, 1, *p.shape) < 0.2, -1.0, 1.0)})
    return hf


def features(m, x):
    return m.forward_features(x) if hasattr(m, "forward_features") else m(x).last_hidden_state


def make_run(native, others, keep, heads, grad=None):
    """native: input with every part of block `keep` (None: no parts) and all block outputs; others: inputs with tokens and output alone"""
    def run(m, i):
        out = {}
        hf = not hasattr(m, "forward_features")
        for n in (native, *others):
            s = n[len("in.image"):]
            t = Taps()
            if hf:
                tap_hf(t, m.encoder.layer, m.embeddings)
            else:
                tap_timm(t, m.t if isinstance(m, Original) else m)
            x = i[n].clone().requires_grad_(True)
            y = features(m, x)
            a = t.off()
            if n == native:
                if not hf:
                    a.update(timm_probs((m.t if isinstance(m, Original) else m).blocks, a, heads))
                for k, v in a.items():
                    if k == "tokens" or k.startswith(f"blocks.{keep}.") or k.count(".") == 1:
                        out[f"act{s}.{k}"] = v
                if grad:
                    out[f"grad{s}.patch_feature.image"], = torch.autograd.grad(y[grad], x)
            else:
                out[f"act{s}.tokens"] = a["tokens"]
            out[f"out{s}.last_hidden_state"] = y.detach()
        return out
    return run


PROBE = {"hf": ["embeddings.cls_token", "embeddings.position_embeddings", "embeddings.patch_embeddings.projection.weight", "embeddings.patch_embeddings.projection.bias"],
         "timm": ["cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"]}
TAPS = "tap names are timm's: .attn = after the output projection with bias, before LayerScale; .attn.z = heads before it; .ls1 / .ls2 = after LayerScale, before the residual add; tokens = input of block 0"


def case_plain():
    cfg = dict(hidden_size=30, num_hidden_layers=3, num_attention_heads=3, mlp_ratio=3, hidden_act="gelu", layer_norm_eps=1e-6, image_size=30, patch_size=6,
               qkv_bias=True, layerscale_value=1.0, use_swiglu_ffn=False)
    g = Numbers(32001)
    hf = build_hf(cfg, g)
    orig = hf_to_original(hf.state_dict(), 3, False)
    tm, om = build_timm(cfg, orig), Original(cfg, orig)
    inp = {"in.image30": images(g, 1, 30, 30), "in.image24x42": images(g, 1, 24, 42), "in.image48": images(g, 1, 48, 48), "in.image27x33": images(g, 1, 27, 33)}
    others = ("in.image24x42", "in.image48")
    grad = (0, 8, 11)
    runs = {}
    for name, m in (("hf", hf), ("timm", tm), ("original", om)):
        extra = ("in.image27x33",) if name == "hf" else ()
        runs[name] = run_both(make_run("in.image30", others + extra, 1 if name == "hf" else None, 3, grad), m, inp)
        with torch.no_grad():
            pk = PROBE["hf" if name == "hf" else "timm"]
            runs[name][0]["probe_eps.last_hidden_state"] = features(scaled_copy(m, ["t." + k for k in pk] if name == "original" else pk, 0.0003), inp["in.image30"])
    h = runs["hf"][0]
    own = lambda k: "24x42" in k or "48." in k
    said = {n: agree(f"{n} against Hugging Face at the table's own size", worst(runs[n][0], h, [(k, k) for k in runs[n][0] if not own(k)])) for n in ("timm", "original")}
    for n in ("timm", "original"):
        d = {k: worst(runs[n][0], h, [(k, k)]) for k in runs[n][0] if own(k) and k.startswith("out")}
        print("   resampling changes the outputs by", {k: f"{v:.2g}" for k, v in d.items()})
        assert min(d.values()) > 1e-3
    how = {"hf": "torch bicubic by size, no antialias (a = -0.75, clamped indices), align_corners False",
           "timm": "torch bicubic by size WITH antialias (a = -0.5, renormalised edges, also when enlarging), align_corners False",
           "original": "torch bicubic with scale_factor (n + 0.1) / 5 in each direction, no antialias (a = -0.75); torch uses 1 / scale_factor as the coordinate step"}
    sds = {"hf": hf.state_dict(), "timm": tm.state_dict(), "original": orig}
    layouts = {"hf": "huggingface", "timm": "timm", "original": "original"}
    for n in ("hf", "timm", "original"):
        c = {**cfg, "eps_probe": {"multiply": PROBE["hf" if n == "hf" else "timm"], "factor": 0.0003, "input": "in.image30"}, "position_resampling": {"hf": "bicubic, size", "timm": "bicubic, size, antialias", "original": "bicubic, scale_factor (n+0.1)/side"}[n]}
        r, err = runs[n]
        sizes = {k: v for k, v in inp.items() if n == "hf" or k != "in.image27x33"}
        save_case(f"dinov2_{n}_tiny", {"weights.safetensors": f"dinov2/{layouts[n]}"}, c, {"weights.safetensors": sds[n]}, {**sizes, **r}, err, [
            "DINOv2 without registers; the same random model as dinov2_hf_tiny, dinov2_timm_tiny and dinov2_original_tiny in this layout, run by "
            + {"hf": "transformers' Dinov2Model (eager)", "timm": "timm's VisionTransformer (dynamic_img_size)", "original": "timm's blocks under the original forward pass (the hub's code itself needs no package and was read, not run)"}[n],
            "width 30, 3 heads of 10, 3 blocks, hidden 90 (mlp_ratio 3), patch 6, LayerScale gammas in +-[0.3, 1.2], LayerNorm eps 1e-6, exact GELU", TAPS,
            "in.image30 uses the 5x5 table as it is; in.image24x42 (height x width, 4x7 patches) and in.image48 (8x8) resample it: " + how[n],
            "the three layouts agree at 30x30 and differ elsewhere by more than 1e-3 of the peak, so the resampling belongs to the layout",
            "position table with a class row, cls_token apart from it; mask_token " + ("is dropped by timm" if n == "timm" else "is stored and unused"),
            ("act30.*: all of block 1, and tokens and block outputs; in.image27x33 is no multiple of the patch: transformers drops the last 3 rows and columns (timm and the original refuse it); " if n == "hf" else "act30.*: tokens and block outputs (the parts of a block are in dinov2_hf_tiny); ")
            + "out*.last_hidden_state = after the final norm, class + patches (pooled = row 0)",
            "grad30.patch_feature.image = d out30.last_hidden_state[0, 8, 11] / d in.image30",
            "probe_eps.last_hidden_state: in.image30 after multiplying the tensors of config.eps_probe by its factor, so that LayerNorm eps shows"] + ([said[n]] if n in said else list(said.values())),
            {"grad30.patch_feature.image": {"of": "out30.last_hidden_state", "index": list(grad), "input": "in.image30"}})


def case_swiglu(reg):
    cfg = dict(hidden_size=28, num_hidden_layers=1, num_attention_heads=2, mlp_ratio=4, layer_norm_eps=1e-6, image_size=28, patch_size=7,
               qkv_bias=True, layerscale_value=1.0, use_swiglu_ffn=True, ffn_hidden=80)
    if reg:
        cfg.update(num_hidden_layers=2, num_register_tokens=2, patch_size=4, image_size=24)
    depth = cfg["num_hidden_layers"]
    g = Numbers(32101 + reg)
    hf = build_hf(cfg, g)
    orig = hf_to_original(hf.state_dict(), depth, True)
    assert orig["blocks.0.mlp.w3.weight"].shape[1] == 80
    tm = build_timm(cfg, orig)
    native = "in.image24" if reg else "in.image28"
    others = ("in.image20x36",) if reg else ()
    inp = {native: images(g, 1, cfg["image_size"], cfg["image_size"])}
    if reg:
        inp["in.image20x36"] = images(g, 1, 20, 36)
    r, err = run_both(make_run(native, others, depth - 1, 2), hf, inp)
    rt = make_run(native, others, depth - 1, 2)(tm, inp)
    assert set(r) == set(rt)
    with torch.no_grad():
        said = agree("timm against Hugging Face", worst(rt, r, [(k, k) for k in r]))
    name = "dinov2reg_swiglu_tiny" if reg else "dinov2_swiglu_tiny"
    fam = "dinov2-reg" if reg else "dinov2"
    save_case(name, {"weights_hf.safetensors": fam + "/huggingface", "weights_timm.safetensors": fam + "/timm", "weights_original.safetensors": fam + "/original"}, cfg,
              {"weights_hf.safetensors": hf.state_dict(), "weights_timm.safetensors": tm.state_dict(), "weights_original.safetensors": orig}, {**inp, **r}, err, [
        "the gated feed-forward of ViT-g (SwiGLU): w12 gives [x1 | x2], silu(x1) * x2, w3; hidden = (int(28*4*2/3) + 7) // 8 * 8 = 80. Hugging Face: mlp.weights_in / weights_out, original: mlp.w12 / w3, timm: mlp.fc1 / fc2 (SwiGLUPacked)",
        TAPS, "act*.mlp.fc1 = [N, L, 160] before the gate, act*.mlp.act = silu(x1) * x2 [N, L, 80], act*.mlp.fc2 = before LayerScale",
        (f"tokens = class, 2 registers, patches; 6x6 table + class row; in.image20x36 (5x9 patches): bicubic with antialias by size, alike in all layouts (a = -0.5, also when enlarging)" if reg
         else "only the table's own 4x4 grid is used, where all layouts agree"),
        ("timm layout: class position folded into cls_token, pos_embed without a class row, reg_token; " if reg else "timm layout: pos_embed with class row; ") + "mask_token dropped",
        "no hidden_act in the config: transformers ignores it for SwiGLU", said])


if __name__ == "__main__":
    case_plain()
    case_swiglu(False)
    case_swiglu(True)
