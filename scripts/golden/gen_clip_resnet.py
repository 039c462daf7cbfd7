#!/usr/bin/env python3
"""clip_rn_full_tiny (open_clip, both towers) and clip_rn_timm_tiny (an image tower in timm's and in OpenAI's layout)."""
import dataclasses

import torch
import torch.nn.functional as F
from open_clip.model import CLIP
from timm.models import byobnet

from common import *
from gen_clip import attention_parts, tap_blocks, text_inputs

CFG = dict(embed_dim=24, quick_gelu=True,
           vision_cfg=dict(image_size=96, layers=[2, 1, 3, 1], width=4, head_width=64),
           text_cfg=dict(context_length=10, vocab_size=64, width=24, heads=3, layers=2))


TWIN = dict(embed_dim=20, quick_gelu=True,
            vision_cfg=dict(image_size=64, layers=[1, 2, 1, 2], width=2, head_width=64),
            text_cfg=dict(context_length=4, vocab_size=8, width=8, heads=1, layers=1))


def build(cfg, seed):
    m = CLIP(embed_dim=cfg["embed_dim"], quick_gelu=True, vision_cfg=dict(cfg["vision_cfg"]), text_cfg=dict(cfg["text_cfg"])).eval()
    g = Numbers(seed)
    v = m.visual
    randomise_transformer(m, g, {
        "visual.": lambda p: None,
        "logit_scale": lambda p: torch.tensor(2.5),
        "text_projection": lambda p: g.n(*p.shape) / p.shape[0] ** 0.5})
    randomise_convolutions(v, g)
    with torch.no_grad():
        for n, p in v.attnpool.named_parameters():
            if n.endswith("weight"):
                p.copy_(0.4 * g.n(*p.shape) / p.shape[1] ** 0.5)      # tokens have a spread of 3 to 6
            elif n == "positional_embedding":
                p.copy_(1.5 * g.n(*p.shape))
    size = cfg["vision_cfg"]["image_size"]
    randomise_bn(v, g, images(g, 16, size, size))
    return m


def tap_trunk(t, v):
    t.on(v.avgpool, "stem")
    for s in (1, 2, 3, 4):
        for b, blk in enumerate(getattr(v, f"layer{s}")):
            p = f"layer{s}.{b}"
            if p in ("layer2.0", "layer3.2"):
                if p == "layer3.2":
                    t.on(blk.bn1, p + ".bn1")
                    t.on(blk.bn2, p + ".bn2")
                t.on(blk.bn3, p + ".bn3")
                t.pre(blk.act3, p + ".pre_relu")
                if blk.downsample is not None:
                    t.on(blk.downsample, p + ".downsample")
            if not p.startswith("layer1."):
                t.on(blk, p)


def attnpool_parts(ap, f):
    """tokens, probabilities of the mean query and heads before c_proj, by hand from the last map"""
    n, c = f.shape[:2]
    tok = f.flatten(2).transpose(1, 2)
    tok = torch.cat([tok.mean(1, keepdim=True), tok], 1) + ap.positional_embedding
    h, dh = ap.num_heads, c // ap.num_heads
    sp = lambda t: t.reshape(n, -1, h, dh).transpose(1, 2)
    p = (sp(ap.q_proj(tok[:, :1])) @ sp(ap.k_proj(tok)).transpose(-1, -2) / dh ** 0.5).softmax(-1)
    z = (p @ sp(ap.v_proj(tok))).transpose(1, 2).reshape(n, c)
    return tok, p[:, :, 0], z


def run(model, i):
    v, out = model.visual, {}
    t = Taps()
    tap_trunk(t, v)
    t.on(v.attnpool, "attnpool")
    fi = model.encode_image(i["in.image"])
    a = t.off()
    tok, p, z = attnpool_parts(v.attnpool, a["layer4.0"])
    assert (v.attnpool.c_proj(z) - fi).abs().max() < 1e-4
    a["attnpool.tokens"], a["attnpool.probs"], a["attnpool.z"] = tok, p, z
    out.update({"act.visual." + k: x for k, x in a.items()})
    t = Taps()
    t.pre(model.transformer, "transformer.input")
    tap_blocks(t, model.transformer.resblocks, "transformer.resblocks")
    t.on(model.ln_final, "ln_final")
    ft = model.encode_text(i["in.text"])
    a = t.off()
    a.update(attention_parts(model.transformer.resblocks, "transformer.resblocks", a, model.attn_mask.to(fi.dtype)))
    out.update({"act." + k: x for k, x in a.items() if ".0." not in k})
    out["out.image_features"], out["out.text_features"] = fi, ft
    out["out.logits_per_image"] = model.logit_scale.exp() * F.normalize(fi, dim=-1) @ F.normalize(ft, dim=-1).T
    # a picture too small for the position table: trunk sites alone, and a gradient
    x = i["in.image40x57"].clone().requires_grad_(True)
    y = v.stem(x)
    maps = {}
    for s in (1, 2, 3, 4):
        y = getattr(v, f"layer{s}")(y)
        maps[s] = y
        out[f"act40x57.visual.layer{s}.{len(getattr(v, f'layer{s}')) - 1}"] = y
    out["grad40x57.layer3_unit.image"], = torch.autograd.grad(maps[3][0, model.unit, 1, 2], x)
    return out


def to_timm(m, cfg):
    """timm's own ByobNet of the RN50 CLIP configuration, smaller, with the weights of the open_clip tower"""
    byobnet.make_divisible = lambda v, *a, **k: int(v)          # timm rounds widths up to multiples of 8; no other effect
    base, vc = byobnet.model_cfgs["resnet50_clip"], cfg["vision_cfg"]
    w = vc["width"]
    blocks = tuple(dataclasses.replace(b, d=d, c=4 * w * 2 ** k) for k, (b, d) in enumerate(zip(base.blocks, vc["layers"])))
    tm = byobnet.ByobNet(dataclasses.replace(base, blocks=blocks, stem_chs=(w // 2, w // 2, w)), num_classes=cfg["embed_dim"], img_size=vc["image_size"]).eval()
    tm.load_state_dict(byobnet._convert_openai_clip(m.state_dict(), tm), strict=True)
    return tm


def timm_modules(tm):
    """(module, OpenAI's site, timm's name) of the sites that both layouts have"""
    yield tm.stem, "visual.stem", "stem"
    for s, stage in enumerate(tm.stages):
        for b, blk in enumerate(stage):
            o, t = f"visual.layer{s + 1}.{b}", f"stages.{s}.{b}"
            yield blk.conv3_1x1, o + ".bn3", t + ".conv3_1x1"
            if not isinstance(blk.shortcut, torch.nn.Identity):
                yield blk.shortcut, o + ".downsample", t + ".shortcut"
            yield blk, o, t
    yield tm.head, "visual.attnpool", "head"


def run_timm(tm, i):
    t, out = Taps(), {}
    for module, site, _ in timm_modules(tm):
        if not (site.endswith((".bn3", ".downsample")) and "layer1" in site):
            t.on(module, site)
    out["out.image_features"] = tm(i["in.image"])
    out.update({"act." + k: v for k, v in t.off().items()})
    out["out32x96.image_features"] = tm(i["in.image32x96"])
    return out


def run_open_clip(m, i):
    t = Taps()
    v = m.visual
    t.on(v.avgpool, "visual.stem")
    for s in (1, 2, 3, 4):
        for b, blk in enumerate(getattr(v, f"layer{s}")):
            t.on(blk.bn3, f"visual.layer{s}.{b}.bn3")
            t.on(blk, f"visual.layer{s}.{b}")
            if blk.downsample is not None:
                t.on(blk.downsample, f"visual.layer{s}.{b}.downsample")
    t.on(v.attnpool, "visual.attnpool")
    out = {"out.image_features": m.encode_image(i["in.image"])}
    out.update({"act." + k: x for k, x in t.off().items()})
    return out


def case_twin():
    m = build(TWIN, 31011)
    tm = to_timm(m, TWIN)
    g = Numbers(31012)
    inp = {"in.image": images(g, 1, 64, 64), "in.image32x96": images(g, 1, 32, 96)}
    with torch.no_grad():
        r, err = run_both(run_timm, tm, inp)
        ro = run_open_clip(m, inp)
        said = agree("timm against open_clip", worst(r, ro, [(k, k) for k in r if k.startswith("act.")] + [("out.image_features",) * 2]))
    aliases = {site: name for _, site, name in timm_modules(tm)}
    save_case("clip_rn_timm_tiny", {"weights_timm.safetensors": "clip-resnet/timm", "weights_openai.safetensors": "clip-resnet/openai"},
              dict(layers=TWIN["vision_cfg"]["layers"], width=2, image_size=64, heads=1, head_dim=64, embed_dim=20, spatial=2, timm_model="resnet50_clip, smaller"),
              {"weights_timm.safetensors": tm.state_dict(), "weights_openai.safetensors": {k: v for k, v in m.state_dict().items() if k.startswith("visual.")}},
              {**inp, **r}, err, [
        "one image tower in timm's key layout (ByobNet resnet50_clip) and in OpenAI's; the numbers are timm's, confirmed with open_clip",
        "timm's own code refuses pictures whose maps become odd (its shortcut pools with ceil_mode, its main branch floors); open_clip floors both",
        "act.* carry OpenAI's site names; manifest.aliases gives timm's: conv3_1x1 = bn3 (after BatchNorm, no ReLU), shortcut = downsample, a stage's block = block output after ReLU. timm's conv1_1x1 and conv2_kxk are after BatchNorm AND ReLU (conv2_kxk after the pool too), so they are no aliases of bn1 and bn2",
        "out32x96.image_features (timm alone, manifest.only): 1x3 positions on a 2x2 table; timm resamples the attention pool's position table (bicubic, antialias, size given; OpenAI and open_clip refuse this size)", said],
        aliases={"timm": aliases}, only={"out32x96.image_features": ["weights_timm.safetensors"]})


def case_full():
    m = build(CFG, 31001)
    g = Numbers(31002)
    inp = {"in.image": images(g, 1, 97, 100), "in.image40x57": images(g, 1, 40, 57),
           "in.text": text_inputs(g, CFG["text_cfg"], (8, 2, 5))}
    v = m.visual
    with torch.no_grad():
        x3 = v.layer3(v.layer2(v.layer1(v.stem(inp["in.image40x57"]))))
    m.unit = int(torch.nonzero(x3[0, :, 1, 2] > 0.3)[0])
    r, err = run_both(run, m, inp)
    tm = to_timm(m, CFG)
    with torch.no_grad():
        crop = inp["in.image"][:, :, :96, :96]                # timm's shortcut pools with ceil_mode and refuses odd maps
        said = agree("timm's ByobNet with the same weights, at 96x96", worst({"f": tm(crop)}, {"f": m.encode_image(crop)}, [("f", "f")]))
    save_case("clip_rn_full_tiny", {"weights.safetensors": "clip-resnet/openai"}, {**CFG, "heads": 2, "spatial": 3}, {"weights.safetensors": m.state_dict()}, {**inp, **r}, err, [
        "open_clip CLIP with a ModifiedResNet image tower, both towers, OpenAI key layout (visual. prefix), NCHW, eval; BatchNorm eps 1e-5, LayerNorm eps 1e-5, quick-GELU in the text tower",
        "stages (2, 1, 3, 1), width 4, attention pool 128 wide with 2 heads of 64 over 3x3 + 1 positions; 15 % of the BatchNorm weights are negative",
        "act.visual.layerS.B = block output after ReLU; .bn1 .bn2 .bn3 = after that BatchNorm, before ReLU; .pre_relu = sum before the last ReLU; .downsample = shortcut branch; act.visual.stem = after the stem's average pool",
        "act.visual.attnpool.tokens = [mean; 9 positions] + positional_embedding; .probs [N, heads, 10] of the mean query; .z = heads before c_proj",
        "in.image is 97x100, not the config's 96x96: odd maps floor (97 -> 49 -> 24 -> 12 -> 6 -> 3, 100 -> 50 -> 25 -> 12 -> 6 -> 3) and the pool still sees 3x3",
        "in.image40x57: maps end at 1x1, which the attention pool refuses (10 positions in the table): trunk sites only",
        f"grad40x57.layer3_unit.image = d layer3.2[0, {m.unit}, 1, 2] (after ReLU) / d in.image40x57",
        "text: start id 62, end id 63 = argmax, zero padding; row 0 fills the context; out.*_features are not normalised; logit_scale is 2.5 (log)", said],
        {"grad40x57.layer3_unit.image": {"of": "visual.layer3.2", "index": [0, m.unit, 1, 2], "input": "in.image40x57"}})


if __name__ == "__main__":
    case_full()
    case_twin()
