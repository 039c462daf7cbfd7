#!/usr/bin/env python3
"""clip_vit_gelu_tiny (open_clip with exact GELU), hf_clip_gelu_tiny (Hugging Face, the same weights), clip_vit_timm_tiny (timm, image tower)."""
import math
from functools import partial

import torch
import torch.nn.functional as F
from open_clip.model import CLIP
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from transformers import CLIPConfig, CLIPModel

from common import *


def attention_parts(blocks, prefix, acts, mask=None):
    """{site.attn.probs, site.attn.z}: probabilities and heads before out_proj, by nn.MultiheadAttention and by hand from act ln_1"""
    out = {}
    for i, b in enumerate(blocks):
        x = acts[f"{prefix}.{i}.ln_1"]
        a = b.attn
        n, l, d = x.shape
        _, probs = a.forward(x, x, x, need_weights=True, average_attn_weights=False, attn_mask=mask)
        sp = lambda t: t.reshape(n, l, a.num_heads, d // a.num_heads).transpose(1, 2)
        q, k, v = (sp(t) for t in F.linear(x, a.in_proj_weight, a.in_proj_bias).chunk(3, -1))
        s = q @ k.transpose(-1, -2) / math.sqrt(d // a.num_heads)
        p = (s if mask is None else s + mask).softmax(-1)
        assert (probs - p).abs().max() < 1e-6
        z = (p @ v).transpose(1, 2).reshape(n, l, d)
        assert (a.out_proj(z) - acts[f"{prefix}.{i}.attn"]).abs().max() < 2e-5
        out[f"{prefix}.{i}.attn.probs"], out[f"{prefix}.{i}.attn.z"] = probs, z
    return out


def tap_blocks(t, blocks, prefix):
    for i, b in enumerate(blocks):
        p = f"{prefix}.{i}"
        t.on(b.ln_1, p + ".ln_1")
        t.on(b.attn, p + ".attn", lambda o: o[0])
        t.on(b.ln_2, p + ".ln_2")
        t.on(b.mlp.c_fc, p + ".mlp.c_fc")
        t.on(b.mlp.gelu, p + ".mlp.gelu")
        t.on(b.mlp.c_proj, p + ".mlp.c_proj")
        t.on(b, p)


def text_inputs(g, cfg, lengths):
    """rows of start, ids, end, zeros; the two largest ids are start and end"""
    end = cfg["vocab_size"] - 1
    text = torch.zeros(len(lengths), cfg["context_length"], dtype=torch.int64)
    for r, n in enumerate(lengths):
        text[r, 0] = end - 1
        text[r, 1:1 + n] = g.ids(1, end - 1, n)
        text[r, 1 + n] = end
    return text


GELU = dict(embed_dim=20, quick_gelu=False,
            vision_cfg=dict(image_size=42, patch_size=14, width=24, layers=3, head_width=8, mlp_ratio=3.0),
            text_cfg=dict(context_length=9, vocab_size=99, width=20, heads=2, layers=2, mlp_ratio=3.5))
QUICK = dict(embed_dim=18, quick_gelu=True,
             vision_cfg=dict(image_size=30, patch_size=6, width=20, layers=3, head_width=5),
             text_cfg=dict(context_length=4, vocab_size=8, width=8, heads=1, layers=1))


def build(cfg, seed):
    m = CLIP(embed_dim=cfg["embed_dim"], quick_gelu=cfg["quick_gelu"], vision_cfg=dict(cfg["vision_cfg"]), text_cfg=dict(cfg["text_cfg"])).eval()
    g = Numbers(seed)
    projection = lambda p: g.n(*p.shape) / p.shape[0] ** 0.5
    randomise_transformer(m, g, {"logit_scale": lambda p: torch.tensor(1.7), "visual.proj": projection, "text_projection": projection})
    return m


def run_open_clip(m, i):
    v, t, out = m.visual, Taps(), {}
    t.on(v.conv1, "visual.conv1")
    t.on(v.ln_pre, "visual.ln_pre")
    tap_blocks(t, v.transformer.resblocks, "visual.transformer.resblocks")
    t.on(v.ln_post, "visual.ln_post")
    t.pre(m.transformer, "transformer.input")
    tap_blocks(t, m.transformer.resblocks, "transformer.resblocks")
    t.on(m.ln_final, "ln_final")
    x = i["in.image"].clone().requires_grad_(True)
    fi = m.encode_image(x)
    if "in.text" in i:
        ft = m.encode_text(i["in.text"])
        out["out.text_features"] = ft
        out["out.logits_per_image"] = m.logit_scale.exp() * F.normalize(fi, dim=-1) @ F.normalize(ft, dim=-1).T
    out["out.image_features"] = fi
    out["grad.feature3.image"], = torch.autograd.grad(fi[0, 3], x)
    a = t.off()
    with torch.no_grad():
        a.update(attention_parts(v.transformer.resblocks, "visual.transformer.resblocks", a))
        if "in.text" in i:
            a.update(attention_parts(m.transformer.resblocks, "transformer.resblocks", a, m.attn_mask.to(fi.dtype)))
    # every part of one block a tower, the outputs of the others
    for k, x in a.items():
        part = ".resblocks." in k and not k.split(".resblocks.")[1].isdigit()
        if not part or ".resblocks.1." in k:
            out["act." + k] = x
    return out


def openai_to_hf(sd):
    """the published renaming: projections transposed, in_proj split into q, k, v"""
    flat = {"logit_scale": "logit_scale", "positional_embedding": "text_model.embeddings.position_embedding.weight", "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
            "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight", "visual.class_embedding": "vision_model.embeddings.class_embedding"}
    prefix = (("visual.conv1.", "vision_model.embeddings.patch_embedding."), ("visual.ln_pre.", "vision_model.pre_layrnorm."), ("visual.ln_post.", "vision_model.post_layernorm."),
              ("visual.transformer.resblocks.", "vision_model.encoder.layers."), ("transformer.resblocks.", "text_model.encoder.layers."), ("ln_final.", "text_model.final_layer_norm."))
    part = ((".ln_1.", ".layer_norm1."), (".ln_2.", ".layer_norm2."), (".mlp.c_fc.", ".mlp.fc1."), (".mlp.c_proj.", ".mlp.fc2."), (".attn.out_proj.", ".self_attn.out_proj."))
    o = {}
    for k, v in sd.items():
        if k in flat:
            o[flat[k]] = v
            continue
        if k in ("visual.proj", "text_projection"):
            o["visual_projection.weight" if k == "visual.proj" else "text_projection.weight"] = v.T
            continue
        a, b = next(p for p in prefix if k.startswith(p[0]))
        k = b + k[len(a):]
        for a, b in part:
            k = k.replace(a, b)
        if ".attn.in_proj_" in k:
            base, w = k.split(".attn.in_proj_")
            for n, p in zip("qkv", v.chunk(3, 0)):
                o[f"{base}.self_attn.{n}_proj.{w}"] = p
        else:
            o[k] = v
    return o


def hf_config(cfg):
    v, t = cfg["vision_cfg"], cfg["text_cfg"]
    act = "quick_gelu" if cfg["quick_gelu"] else "gelu"
    end = t["vocab_size"] - 1
    tc = dict(vocab_size=t["vocab_size"], hidden_size=t["width"], intermediate_size=int(t["width"] * t["mlp_ratio"]), num_hidden_layers=t["layers"], num_attention_heads=t["heads"],
              max_position_embeddings=t["context_length"], hidden_act=act, layer_norm_eps=1e-5, eos_token_id=end, bos_token_id=end - 1, pad_token_id=0, projection_dim=cfg["embed_dim"])
    vc = dict(hidden_size=v["width"], intermediate_size=int(v["width"] * v["mlp_ratio"]), num_hidden_layers=v["layers"], num_attention_heads=v["width"] // v["head_width"],
              image_size=v["image_size"], patch_size=v["patch_size"], hidden_act=act, layer_norm_eps=1e-5, projection_dim=cfg["embed_dim"])
    return tc, vc


def run_hf(m, i):
    out = {}
    o = m(pixel_values=i["in.image"], input_ids=i["in.text"], output_attentions=True, output_hidden_states=True)
    out["out.logits_per_image"] = o.logits_per_image
    out["out.image_features"] = m.visual_projection(o.vision_model_output.pooler_output)
    out["out.text_features"] = m.text_projection(o.text_model_output.pooler_output)
    for n, p in (("vision_model", "visual.transformer"), ("text_model", "transformer")):
        mo = getattr(o, n + "_output")
        for j, h in enumerate(mo.hidden_states[1:]):
            out[f"act.{p}.resblocks.{j}"] = h
        out[f"act.{p}.resblocks.1.attn.probs"] = mo.attentions[1]
    out["out28x70.image_features"] = m.visual_projection(m.vision_model(pixel_values=i["in.image28x70"], interpolate_pos_encoding=True).pooler_output)
    return {k: v.detach() for k, v in out.items()}


def case_gelu():
    m = build(GELU, 34001)
    g = Numbers(34002)
    inp = {"in.image": images(g, 2, 42, 42), "in.text": text_inputs(g, GELU["text_cfg"], (2, 7, 1)), "in.image28x70": images(g, 1, 28, 70)}
    r, err = run_both(run_open_clip, m, inp)
    tc, vc = hf_config(GELU)
    hf = CLIPModel._from_config(CLIPConfig(text_config=tc, vision_config=vc, projection_dim=GELU["embed_dim"]), attn_implementation="eager").eval()
    sd = openai_to_hf(m.state_dict())
    hf.load_state_dict(sd, strict=True)
    rh, errh = run_both(run_hf, hf, inp)
    said = agree("Hugging Face against open_clip", worst(rh, r, [(k, k) for k in rh if k in r]))
    k = "out28x70.image_features"
    r[k], err[k] = rh[k], errh[k]
    pk = ["visual.conv1.weight", "visual.class_embedding", "visual.positional_embedding", "token_embedding.weight", "positional_embedding"]
    ms = scaled_copy(m, pk, 0.003)
    with torch.no_grad():
        r["probe_eps.image_features"], r["probe_eps.text_features"] = ms.encode_image(inp["in.image"]), ms.encode_text(inp["in.text"])
    save_case("clip_vit_gelu_tiny", {"weights_openai.safetensors": "clip-vit/openai", "weights_hf.safetensors": "clip-vit/huggingface"},
              {**GELU, "text_config": tc, "vision_config": vc, "projection_dim": GELU["embed_dim"], "eps_probe": {"multiply": pk, "multiply_hf": list(openai_to_hf({k: m.state_dict()[k] for k in pk})), "factor": 0.003}},
              {"weights_openai.safetensors": m.state_dict(), "weights_hf.safetensors": sd}, {**inp, **r}, err, [
        "open_clip CLIP with EXACT (erf) GELU in both towers, OpenAI and Hugging Face key layouts of the same weights; numbers by open_clip, confirmed with transformers",
        "patch 14 on 42x42 (3x3), 3 heads of 8, feed-forward 3 x width in the image tower and 3.5 x width in the text tower; text 2 heads of 10, context 9, vocabulary 99",
        "act.* carry OpenAI's names (batch-first): all parts of block 1 of each tower, outputs of the others; attn = after out_proj, before the residual; gelu = after the activation",
        "text: start id 97, end id 98 = argmax, zero padding; row 1 fills the context; features are not normalised; logit_scale 1.7 (log)",
        "out28x70.image_features (Hugging Face alone, manifest.only): 2x5 patches, interpolate_pos_encoding=True: torch bicubic by size, a = -0.75, no antialias",
        "grad.feature3.image = d out.image_features[0, 3] / d in.image", "probe_eps.*: after multiplying the tensors of config.eps_probe by its factor", said],
        {"grad.feature3.image": {"of": "out.image_features", "index": [0, 3], "input": "in.image"}}, only={k: ["weights_hf.safetensors"]})


def case_timm():
    m = build(QUICK, 34101)
    vc = QUICK["vision_cfg"]
    tm = VisionTransformer(img_size=vc["image_size"], patch_size=vc["patch_size"], embed_dim=vc["width"], depth=vc["layers"], num_heads=vc["width"] // vc["head_width"], pre_norm=True,
                           norm_layer=partial(torch.nn.LayerNorm, eps=1e-5), act_layer="quick_gelu", num_classes=QUICK["embed_dim"], dynamic_img_size=True).eval()
    tsd = checkpoint_filter_fn(dict(m.state_dict()), tm)
    tm.load_state_dict(tsd, strict=True)
    g = Numbers(34102)
    inp = {"in.image": images(g, 2, 30, 30), "in.image36x24": images(g, 1, 36, 24)}
    aliases = {"visual.ln_pre": "norm_pre", "visual.ln_post": "norm"}
    for i in range(vc["layers"]):
        o, t = f"visual.transformer.resblocks.{i}", f"blocks.{i}"
        aliases.update({o: t, o + ".ln_1": t + ".norm1", o + ".attn": t + ".attn", o + ".ln_2": t + ".norm2", o + ".mlp.c_fc": t + ".mlp.fc1", o + ".mlp.gelu": t + ".mlp.act", o + ".mlp.c_proj": t + ".mlp.fc2"})

    def run_timm(tm, i):
        t, out = Taps(), {}
        for o, n in aliases.items():
            if "resblocks." not in o or o[-1].isdigit() and "ln_" not in o or "resblocks.1." in o:
                t.on(tm.get_submodule(n), o)
        out["out.image_features"] = tm(i["in.image"])
        out.update({"act." + k: v for k, v in t.off().items()})
        out["out36x24.image_features"] = tm(i["in.image36x24"])
        return out
    r, err = run_both(run_timm, tm, inp)
    ro = run_open_clip(m, inp)
    with torch.no_grad():
        said = agree("open_clip against timm", worst(ro, r, [(k, k) for k in r if k in ro]))
        assert all(k in ro for k in r if "36x24" not in k)
    save_case("clip_vit_timm_tiny", {"weights_timm.safetensors": "clip-vit/timm", "weights_openai.safetensors": "clip-vit/openai"},
              {**{k: v for k, v in QUICK.items() if k != "text_cfg"}, "timm_model": "vit_base_patch32_clip_quickgelu_224, smaller"},
              {"weights_timm.safetensors": tsd, "weights_openai.safetensors": {k: v for k, v in m.state_dict().items() if k.startswith("visual.")}}, {**inp, **r}, err, [
        "an image tower alone, quick-GELU, in timm's layout (vit_*_clip_quickgelu_*: norm_pre, head = proj transposed, zero head.bias, no bias in patch_embed) and in OpenAI's; numbers by timm, confirmed with open_clip",
        "act.* carry OpenAI's names, manifest.aliases has timm's", "timm names nothing that says quick-GELU: it belongs to the model's name (vit_*_clip_quickgelu_*), here to config.quick_gelu",
        "out36x24.image_features (timm alone, manifest.only): 6x4 patches, dynamic_img_size: bicubic WITH antialias by size (a = -0.5)", said],
        aliases={"timm": aliases}, only={"out36x24.image_features": ["weights_timm.safetensors"]})


if __name__ == "__main__":
    case_gelu()
    case_timm()
