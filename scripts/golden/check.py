#!/usr/bin/env python3
"""Checks the committed cases against reference.py: every tensor, every gradient by central differences, and that files of one case hold the
same weights. usage: check.py [case ...]; needs numpy, scipy and safetensors only. Exit status 1 if anything is off or not compared."""
import json
import os
import sys

import numpy as np
from safetensors.numpy import load_file

import reference as ref

ROOT = os.environ.get("GOLD_OUT", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models", "golden", "testdata"))
LIMIT, GRAD_LIMIT = 2e-5, 1e-4
wide = lambda d: {k: v.astype(np.float64) if v.dtype.kind == "f" else v for k, v in d.items()}


class Case:
    def __init__(self, name):
        self.name, self.dir = name, os.path.join(ROOT, name)
        with open(os.path.join(self.dir, "manifest.json")) as f:
            self.man = json.load(f)
        self.cfg = self.man["config"]
        self.io = wide(load_file(os.path.join(self.dir, "io.safetensors")))
        self.rows, self.seen = [], set()

    def weights(self, layout="", file=None):
        fn = file or next(f for f, a in self.man["architecture"].items() if a.split(" ")[0].endswith(layout))
        return wide(load_file(os.path.join(self.dir, fn)))

    def compare(self, key, got):
        want = self.io[key]
        assert got.shape == want.shape, (self.name, key, got.shape, want.shape)
        self.rows.append((float(np.abs(got - want).max() / max(1e-12, np.abs(want).max())), key, LIMIT))
        self.seen.add(key)

    def sites(self, prefix, o):
        for k in self.io:
            if k.startswith(prefix + "."):
                self.compare(k, o[k[len(prefix) + 1:]])

    def gradient(self, key, value, n=6, eps=1e-6):
        """value(image) -> the tensor that manifest.gradients names; central differences at n pixels, half of them the steepest"""
        spec = self.man["gradients"][key]
        index = tuple(slice(None) if i is None else i for i in spec["index"])
        x, grad = self.io[spec["input"]], self.io[key]
        f = lambda y: float(value(y)[index].mean())
        at = np.concatenate([np.argsort(-np.abs(grad).ravel())[: n // 2], np.random.default_rng(0).integers(0, x.size, n - n // 2)])
        got = []
        for i in at:
            d = np.zeros(x.size)
            d[i] = eps
            d = d.reshape(x.shape)
            got.append((f(x + d) - f(x - d)) / (2 * eps))
        self.rows.append((float(np.abs(np.array(got) - grad.ravel()[at]).max() / np.abs(grad).max()), key, GRAD_LIMIT))
        self.seen.add(key)

    def same_weights(self, a, b):
        assert set(a) == set(b), (self.name, sorted(set(a) ^ set(b))[:6])
        for k in a:
            assert a[k].shape == b[k].shape and np.array_equal(a[k], b[k]), (self.name, k)

    def scaled(self, W, names):
        return {k: v * self.cfg["eps_probe"]["factor"] if k in names else v for k, v in W.items()}

    def report(self):
        missed = [k for k in self.io if not k.startswith("in.") and k not in self.seen]
        bad = [r for r in self.rows if r[0] > r[2]]
        w = max(self.rows)
        print(f"{self.name}: {len(self.rows)} comparisons, worst {w[0]:.2g} of the peak ({w[1]})" + (f"  NOT COMPARED {missed}" if missed else "") + (f"  FAIL {bad}" if bad else ""))
        return bool(missed or bad)


# ---------------------------------------------------------------- layouts to the original names
def split(o, k, parts):
    for n, v in zip(parts, np.split(o.pop(k), 3)):
        o[n] = v


def clip_to_hf(W):
    o = {}
    for k, v in W.items():
        b = k.replace("visual.transformer.resblocks", "vision_model.encoder.layers")
        if k.startswith("transformer.resblocks"):
            b = k.replace("transformer.resblocks", "text_model.encoder.layers")
        for x, y in (("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"), ("c_fc", "fc1"), ("c_proj", "fc2"), ("attn.", "self_attn."), ("visual.ln_pre", "vision_model.pre_layrnorm"),
                     ("visual.ln_post", "vision_model.post_layernorm"), ("ln_final", "text_model.final_layer_norm"), ("visual.conv1", "vision_model.embeddings.patch_embedding"),
                     ("visual.class_embedding", "vision_model.embeddings.class_embedding"), ("token_embedding", "text_model.embeddings.token_embedding")):
            b = b.replace(x, y)
        if k.endswith("positional_embedding"):
            b = ("vision_model" if k[0] == "v" else "text_model") + ".embeddings.position_embedding.weight"
        if k in ("visual.proj", "text_projection"):
            b, v = ("visual_projection.weight" if k[0] == "v" else "text_projection.weight"), v.T
        o[b] = v
        if "in_proj" in b:
            split(o, b, [b.replace("in_proj_", n + "_proj.") for n in "qkv"])
    return o


def clip_to_timm(W):
    o = {}
    for k, v in W.items():
        b = k[len("visual."):]
        for x, y in (("transformer.resblocks", "blocks"), ("ln_pre", "norm_pre"), ("ln_post", "norm"), ("ln_", "norm"), ("in_proj_", "qkv."), ("out_proj", "proj"), ("c_fc", "fc1"), ("c_proj", "fc2"),
                     ("conv1", "patch_embed.proj")):
            b = b.replace(x, y)
        v = v.reshape(1, 1, -1) if b == "class_embedding" else v[None] if b == "positional_embedding" else v.T if b == "proj" else v
        o[{"class_embedding": "cls_token", "positional_embedding": "pos_embed", "proj": "head.weight"}.get(b, b)] = v
    o["head.bias"] = np.zeros(len(o["head.weight"]))
    return o


def resnet_to_timm(W):
    o = {}
    for k, v in W.items():
        p = k.split(".")[1:]
        if p[0] == "attnpool":
            b = ".".join(["head"] + [{"positional_embedding": "pos_embed", "c_proj": "proj"}.get(s, s.replace("_proj", "")) for s in p[1:]])
        elif p[0].startswith("layer"):
            head = f"stages.{int(p[0][5:]) - 1}.{p[1]}."
            if p[2] == "downsample":
                b = head + "shortcut.conv." + ("conv." if p[3] == "0" else "bn.") + p[4]
            else:
                b = head + ("conv1_1x1", "conv2_kxk", "conv3_1x1")[int(p[2][-1]) - 1] + "." + p[2][:-1] + "." + p[3]
        else:
            b = f"stem.conv{p[0][-1]}.{p[0][:-1]}.{p[1]}"
        o[b] = v
    return o


def hf_vit_to_original(W, heads_of_names, flat):
    """heads_of_names: {HF block prefix: original block prefix}"""
    o = {}
    for k, v in W.items():
        pre = next((p for p in heads_of_names if k.startswith(p + ".")), None)
        if pre is None:
            o[flat(k)] = v
            continue
        n, part = k[len(pre) + 1:].split(".", 1)
        for x, y in (("attention.attention.", "attn."), ("attention.output.dense", "attn.proj"), ("layernorm_before", "norm1"), ("layernorm_after", "norm2"), ("intermediate.dense", "mlp.fc1"),
                     ("output.dense", "mlp.fc2"), ("weights_in", "w12"), ("weights_out", "w3"), ("layer_scale1.lambda1", "ls1.gamma"), ("layer_scale2.lambda1", "ls2.gamma")):
            part = part.replace(x, y)
        o[f"{heads_of_names[pre]}.{n}.{part}"] = v
    for q in [k for k in o if ".attn.query." in k]:
        o[q.replace("query", "qkv")] = np.concatenate([o.pop(q.replace("query", s)) for s in ("query", "key", "value")])
    return o


def dinov2_from_hf(W):
    def flat(k):
        for x, y in (("embeddings.patch_embeddings.projection", "patch_embed.proj"), ("embeddings.position_embeddings", "pos_embed"), ("embeddings.", ""), ("layernorm", "norm")):
            k = k.replace(x, y)
        return k
    return hf_vit_to_original(W, {"encoder.layer": "blocks"}, flat)


def dinov2_to_timm(W):
    o = {k.replace("w12", "fc1").replace("w3", "fc2"): v for k, v in W.items() if k != "mask_token"}
    if "register_tokens" in o:
        o["reg_token"] = o.pop("register_tokens")
        o["cls_token"], o["pos_embed"] = (o["cls_token"].astype(np.float32) + o["pos_embed"][:, :1].astype(np.float32)).astype(np.float64), o["pos_embed"][:, 1:]
    return o


def mae_from_hf(W):
    def flat(k):
        for x, y in (("vit.embeddings.patch_embeddings.projection", "patch_embed.proj"), ("vit.embeddings.position_embeddings", "pos_embed"), ("vit.embeddings.", ""), ("vit.layernorm", "norm"), ("decoder.", "")):
            k = k.replace(x, y)
        return k
    return hf_vit_to_original(W, {"vit.encoder.layer": "blocks", "decoder.decoder_layers": "decoder_blocks"}, flat)


def from_hf5(W):
    """the names of transformers 5 in memory -> the hub's"""
    o = {}
    for k, v in W.items():
        for x, y in (("vit.layers.", "vit.encoder.layer."), ("attention.o_proj", "attention.output.dense"), ("attention.q_proj", "attention.attention.query"), ("attention.k_proj", "attention.attention.key"),
                     ("attention.v_proj", "attention.attention.value"), ("mlp.down_proj", "mlp.weights_out")):
            k = k.replace(x, y)
        if "decoder_layers" in k or k.startswith("vit.encoder"):
            k = k.replace("mlp.fc1", "intermediate.dense").replace("mlp.fc2", "output.dense")
        o[k] = v
    for g in [k for k in o if "gate_proj" in k]:
        o[g.replace("gate_proj", "weights_in")] = np.concatenate([o.pop(g), o.pop(g.replace("gate_proj", "up_proj"))])
    return o


def vgg_to_timm(W):
    last = W["features." + str(max(int(k.split(".")[1]) for k in W if k.startswith("features."))) + ".bias"].shape[0]
    o = {}
    for k, v in W.items():
        v = v.reshape(len(v), last, 7, 7) if k == "classifier.0.weight" else v[:, :, None, None] if k == "classifier.3.weight" else v
        o[k.replace("classifier.0", "pre_logits.fc1").replace("classifier.3", "pre_logits.fc2").replace("classifier.6", "head.fc")] = v
    return o


# ---------------------------------------------------------------- the cases
def check_clip_rn_full(c):
    W, cfg = c.weights(), c.cfg
    layers, heads = cfg["vision_cfg"]["layers"], cfg["heads"]
    o = {}
    fi = ref.clip_resnet(c.io["in.image"], W, layers, heads, o)
    ft = ref.clip_text(c.io["in.text"], W, cfg["text_cfg"]["heads"], ref.quick_gelu, o)
    c.sites("act", o)
    c.compare("out.image_features", fi)
    c.compare("out.text_features", ft)
    c.compare("out.logits_per_image", ref.clip_logits(fi, ft, W))
    def trunk(x):
        o = {}
        assert ref.clip_resnet(x, W, layers, heads, o) is None
        return o
    c.sites("act40x57", trunk(c.io["in.image40x57"]))
    k = "grad40x57.layer3_unit.image"
    c.gradient(k, lambda x: trunk(x)[c.man["gradients"][k]["of"]])


def check_clip_rn_timm(c):
    W, cfg = c.weights("openai"), c.cfg
    c.same_weights(resnet_to_timm(W), c.weights("timm"))
    o = {}
    c.compare("out.image_features", ref.clip_resnet(c.io["in.image"], W, cfg["layers"], cfg["heads"], o))
    c.sites("act", o)
    c.compare("out32x96.image_features", ref.clip_resnet(c.io["in.image32x96"], W, cfg["layers"], cfg["heads"], {}, "size_antialias"))


def check_clip_gelu(c):
    W, cfg = c.weights("openai"), c.cfg
    c.same_weights(clip_to_hf(W), c.weights("huggingface"))
    hi, ht = cfg["vision_cfg"]["width"] // cfg["vision_cfg"]["head_width"], cfg["text_cfg"]["heads"]
    o = {}
    image = lambda x, W=W, how=None: ref.clip_image(x, W, hi, ref.gelu, o, how)
    text = lambda W: ref.clip_text(c.io["in.text"], W, ht, ref.gelu, o)
    fi, ft = image(c.io["in.image"]), text(W)
    c.sites("act", o)
    c.compare("out.image_features", fi)
    c.compare("out.text_features", ft)
    c.compare("out.logits_per_image", ref.clip_logits(fi, ft, W))
    c.compare("out28x70.image_features", image(c.io["in.image28x70"], W, "size"))
    S = c.scaled(W, cfg["eps_probe"]["multiply"])
    c.compare("probe_eps.image_features", image(c.io["in.image"], S))
    c.compare("probe_eps.text_features", text(S))
    c.gradient("grad.feature3.image", image)


def check_clip_timm(c):
    W, v = c.weights("openai"), c.cfg["vision_cfg"]
    c.same_weights(clip_to_timm(W), c.weights("timm"))
    o = {}
    run = lambda x, how=None: ref.clip_image(x, W, v["width"] // v["head_width"], ref.quick_gelu, o, how)
    c.compare("out.image_features", run(c.io["in.image"]))
    c.sites("act", o)
    c.compare("out36x24.image_features", run(c.io["in.image36x24"], "size_antialias"))


def check_dinov2(c, layout, how):
    W = c.weights()
    if layout == "hf":
        W = dinov2_from_hf(W)
    heads = c.cfg["num_attention_heads"]
    run = lambda x, W=W: ref.dinov2(x, W, heads, how, {})
    for k in [k for k in c.io if k.startswith("in.")]:
        s, o = k[len("in.image"):], {}
        c.compare(f"out{s}.last_hidden_state", ref.dinov2(c.io[k], W, heads, how, o))
        c.sites(f"act{s}", o)
    names = dinov2_from_hf({k: np.zeros(1) for k in c.cfg["eps_probe"]["multiply"]}) if layout == "hf" else c.cfg["eps_probe"]["multiply"]
    c.compare("probe_eps.last_hidden_state", run(c.io["in.image30"], c.scaled(W, names)))
    c.gradient("grad30.patch_feature.image", run)


def check_swiglu(c):
    orig = c.weights("original")
    c.same_weights(dinov2_from_hf(c.weights("huggingface")), orig)
    tm = c.weights("timm")
    c.same_weights(dinov2_to_timm(orig), tm)
    if "weights_hf5.safetensors" in c.man["architecture"]:
        c.same_weights(from_hf5(c.weights(file="weights_hf5.safetensors")), c.weights("huggingface"))
    for W in (orig, tm):
        for k in [k for k in c.io if k.startswith("in.")]:
            s, o = k[len("in.image"):], {}
            c.compare(f"out{s}.last_hidden_state", ref.dinov2(c.io[k], W, c.cfg["num_attention_heads"], "size_antialias", o))
            c.sites(f"act{s}", o)


def check_mae(c):
    W, cfg, io = c.weights("original"), c.cfg, c.io
    c.same_weights(mae_from_hf(c.weights("huggingface")), W)
    c.same_weights(from_hf5(c.weights(file="weights_hf5.safetensors")), c.weights("huggingface"))
    side = cfg["image_size"] // cfg["patch_size"]
    n = side * side
    for k, d in (("pos_embed", cfg["hidden_size"]), ("decoder_pos_embed", cfg["decoder_hidden_size"])):
        assert np.abs(ref.sincos(d, side) - W[k][0]).max() < 1e-6, k
    rows = np.tile(np.arange(n), (2, 1))
    o = {}
    run = lambda x, W=W, o={}: ref.mae_encoder(x, W, cfg, rows[: len(x)], o)
    c.compare("out.last_hidden_state", run(io["in.image"], W, o))
    c.sites("act", o)
    c.compare("out24x36.last_hidden_state", ref.mae_encoder(io["in.image24x36"], W, cfg, np.arange(24)[None], {}))
    c.compare("probe_eps.last_hidden_state", run(io["in.image"], c.scaled(W, cfg["eps_probe"]["multiply_original"])))
    c.gradient("grad.patch_feature.image", run)
    for name, ratio, image, noise in (("masked", cfg["mask_ratio"], "in.image", "in.noise"), ("masked50", cfg["masked50"]["mask_ratio"], "in.image", "in.noise"),
                                      ("masked80", cfg["masked80"]["mask_ratio"], "in.image", "in.noise"), ("masked24x36", cfg["mask_ratio"], "in.image24x36", "in.noise24x36")):
        order = np.argsort(io[noise], 1, kind="stable")
        total = order.shape[1]
        keep = order[:, : int(total * (1 - ratio))]
        mask = np.ones(order.shape)
        np.put_along_axis(mask, keep, 0, 1)
        o = {}
        z = ref.mae_encoder(io[image], W, cfg, keep, {})
        logits = ref.mae_decoder(z, W, cfg, keep, total, o)
        plain, norm_pix = ref.mae_losses(logits, ref.mae_patches(io[image], cfg["patch_size"]), mask)
        got = {"latent": z, "logits": logits, "mask": mask, "loss": plain, "loss_norm_pix": norm_pix, "ids_restore": np.argsort(order, 1), **o}
        got["reconstruction"] = logits.reshape(-1, side, side, 6, 6, 3).transpose(0, 5, 1, 3, 2, 4).reshape(-1, 3, 30, 30) if total == n else None
        c.sites(name, got)


def check_vgg(c):
    two = len(c.man["architecture"]) == 2
    W, cfg = c.weights("torchvision"), c.cfg
    tm = vgg_to_timm(W)
    if two:
        c.same_weights(tm, c.weights("timm"))
    only = c.man.get("only", {})
    for k in [k for k in c.io if k.startswith("in.")]:
        s, o = k[len("in.image"):], {}
        out = f"out{s}.logits"
        if out not in only:
            c.compare(out, ref.vgg(c.io[k], W, cfg["cfg"], cfg["batch_norm"], o))
            c.sites(f"act{s}", o)
        if two:
            c.compare(out, ref.vgg_timm(c.io[k], tm, cfg["cfg"], cfg["batch_norm"], {}))
    for k, g in c.man["gradients"].items():
        def value(x):
            o = {}
            ref.vgg_features(x, W, cfg["cfg"], cfg["batch_norm"], o)
            return o[g["of"]]
        c.gradient(k, value)


def check_nasnet(c):
    W, cells = c.weights(), c.cfg["cells"]
    for k in [k for k in c.io if k.startswith("in.")]:
        s = k[len("in.image"):]
        o = {}
        c.compare(f"out{s}.logits", ref.nasnet(c.io[k], W, cells, o))
        c.sites(f"act{s}", o)
        o = {}
        o["logits"] = ref.nasnet(c.io[k], W, cells, o, True)
        c.sites(f"tfavg{s}", o)
    for k, g in c.man["gradients"].items():
        def value(x):
            o = {}
            ref.nasnet(x, W, cells, o)
            return o[g["of"]]
        c.gradient(k, value)


CASES = {"clip_rn_full_tiny": check_clip_rn_full, "clip_rn_timm_tiny": check_clip_rn_timm, "clip_vit_gelu_tiny": check_clip_gelu, "clip_vit_timm_tiny": check_clip_timm,
         "dinov2_hf_tiny": lambda c: check_dinov2(c, "hf", "size"), "dinov2_timm_tiny": lambda c: check_dinov2(c, "timm", "size_antialias"),
         "dinov2_original_tiny": lambda c: check_dinov2(c, "original", "scale_offset"), "dinov2_swiglu_tiny": check_swiglu, "dinov2reg_swiglu_tiny": check_swiglu, "mae_tiny": check_mae,
         "vgg11_tiny": check_vgg, "vgg13_tiny": check_vgg, "vgg16_tiny": check_vgg, "vgg11_bn_tiny": check_vgg, "nasnet_f4_tiny": check_nasnet}


def main():
    bad = 0
    for name in sys.argv[1:] or CASES:
        c = Case(name)
        CASES[name](c)
        bad += c.report()
    sys.exit(bool(bad))


main()
