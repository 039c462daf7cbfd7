#!/usr/bin/env python3
"""mae_tiny: a masked autoencoder in Hugging Face's and in the original layout, encoder and decoder, three mask ratios, another input size.
Needs transformers 4.x: its names in memory are the hub's."""
from functools import partial

import torch
import torch.nn as nn
from timm.models.vision_transformer import Block
from transformers import ViTMAEConfig, ViTMAEForPreTraining
from transformers.models.vit_mae.modeling_vit_mae import get_2d_sincos_pos_embed

from common import *
from vit_taps import hf_blocks_to_original

CFG = dict(hidden_size=28, num_hidden_layers=2, num_attention_heads=2, intermediate_size=76, hidden_act="gelu", layer_norm_eps=1e-6, image_size=30, patch_size=6,
           decoder_hidden_size=20, decoder_num_hidden_layers=2, decoder_num_attention_heads=5, decoder_intermediate_size=52, mask_ratio=0.6, norm_pix_loss=True, qkv_bias=True)


def build():
    m = ViTMAEForPreTraining._from_config(ViTMAEConfig(**CFG), attn_implementation="eager").eval()
    g = Numbers(33001)
    randomise_transformer(m, g, {"position_embeddings": lambda p: None, "decoder_pos_embed": lambda p: None})
    # transformers 4.57 leaves the decoder's table zero when it starts at random (its initialiser runs after the sin-cos fill)
    side = CFG["image_size"] // CFG["patch_size"]
    with torch.no_grad():
        m.decoder.decoder_pos_embed.copy_(torch.from_numpy(get_2d_sincos_pos_embed(CFG["decoder_hidden_size"], side, add_cls_token=True)).float()[None])
    assert m.vit.embeddings.position_embeddings.abs().max() > 0.9
    return m


PAIRS = (("layernorm_before", "norm1"), ("attention.output.dense", "attn.proj"), ("layernorm_after", "norm2"), ("intermediate.dense", "mlp.fc1"), ("output.dense", "mlp.fc2"))


def to_original(sd):
    o = {"cls_token": sd["vit.embeddings.cls_token"], "pos_embed": sd["vit.embeddings.position_embeddings"],
         "patch_embed.proj.weight": sd["vit.embeddings.patch_embeddings.projection.weight"], "patch_embed.proj.bias": sd["vit.embeddings.patch_embeddings.projection.bias"],
         "norm.weight": sd["vit.layernorm.weight"], "norm.bias": sd["vit.layernorm.bias"], "mask_token": sd["decoder.mask_token"]}
    o.update({k[len("decoder."):]: v for k, v in sd.items() if k.startswith("decoder.decoder_") and "layers" not in k})
    o.update(hf_blocks_to_original(sd, "vit.encoder.layer", CFG["num_hidden_layers"], PAIRS))
    o.update(hf_blocks_to_original(sd, "decoder.decoder_layers", CFG["decoder_num_hidden_layers"], PAIRS, "decoder_blocks"))
    return o


class Original(nn.Module):
    """The published forward pass on timm's blocks, with given noise."""

    def __init__(self, sd):
        super().__init__()
        d, dd = CFG["hidden_size"], CFG["decoder_hidden_size"]
        norm = partial(nn.LayerNorm, eps=CFG["layer_norm_eps"])
        table = lambda k: nn.Parameter(sd[k].clone())
        self.cls_token, self.pos_embed, self.mask_token, self.decoder_pos_embed = (table(k) for k in ("cls_token", "pos_embed", "mask_token", "decoder_pos_embed"))
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, d, CFG["patch_size"], CFG["patch_size"])
        blocks = lambda w, h, f, n: nn.ModuleList(Block(w, h, f / w, qkv_bias=True, norm_layer=norm) for _ in range(n))
        self.blocks = blocks(d, CFG["num_attention_heads"], CFG["intermediate_size"], CFG["num_hidden_layers"])
        self.norm = norm(d)
        self.decoder_embed = nn.Linear(d, dd)
        self.decoder_blocks = blocks(dd, CFG["decoder_num_attention_heads"], CFG["decoder_intermediate_size"], CFG["decoder_num_hidden_layers"])
        self.decoder_norm = norm(dd)
        self.decoder_pred = nn.Linear(dd, 3 * CFG["patch_size"] ** 2)
        self.load_state_dict(sd, strict=True)
        self.eval()

    def encode(self, x, order):
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2) + self.pos_embed[:, 1:]
        x = torch.gather(x, 1, order[:, :, None].expand(-1, -1, x.shape[2]))
        x = torch.cat([(self.cls_token + self.pos_embed[:, :1]).expand(len(x), -1, -1), x], 1)
        for b in self.blocks:
            x = b(x)
        return self.norm(x)

    def decode(self, z, order, n):
        d = self.decoder_embed(z)
        x = self.mask_token.expand(len(z), n, -1).clone()
        x.scatter_(1, order[:, :, None].expand(-1, -1, x.shape[2]), d[:, 1:])
        x = torch.cat([d[:, :1], x], 1) + self.decoder_pos_embed
        for b in self.decoder_blocks:
            x = b(x)
        return self.decoder_pred(self.decoder_norm(x))[:, 1:]


def set_ratio(m, ratio):
    for c in (m.config, m.vit.config, m.vit.embeddings.config):
        c.mask_ratio = ratio


RUNS = {"masked": ("in.image", "in.noise", 0.6, False), "masked50": ("in.image", "in.noise", 0.5, False), "masked80": ("in.image", "in.noise", 0.8, False),
        "masked24x36": ("in.image24x36", "in.noise24x36", 0.6, True)}


def run(m, i):
    out = {}
    set_ratio(m, 0.0)
    t = Taps()
    for j, l in enumerate(m.vit.encoder.layer):
        p = f"blocks.{j}"
        t.on(l, p, lambda o: o[0] if isinstance(o, tuple) else o)
        if j == 1:
            for a, b in PAIRS:
                t.on(l.get_submodule(a), f"{p}.{b if b != 'attn.proj' else 'attn'}")
            t.on(l.attention.attention, p + ".attn.z", lambda o: o[0])
            t.on(l.attention.attention, p + ".attn.probs", lambda o: o[1])
            t.pre(l.output.dense, p + ".mlp.act")
    t.on(m.vit.embeddings, "tokens", lambda o: o[0])
    x = i["in.image"].clone().requires_grad_(True)
    y = m.vit(x, noise=i["in.ordered_noise"]).last_hidden_state
    out.update({"act." + k: v for k, v in t.off().items()})
    out["out.last_hidden_state"] = y.detach()
    out["grad.patch_feature.image"], = torch.autograd.grad(y[1, 6, 9], x)
    n = i["in.image24x36"].shape[2] * i["in.image24x36"].shape[3] // 36
    out["out24x36.last_hidden_state"] = m.vit(i["in.image24x36"], noise=torch.arange(n)[None].to(x.dtype), interpolate_pos_encoding=True).last_hidden_state
    for name, (image, noise, ratio, resample) in RUNS.items():
        set_ratio(m, ratio)
        t = Taps()
        if name == "masked":
            for j, l in enumerate(m.decoder.decoder_layers):
                t.on(l, f"decoder.decoder_layers.{j}", lambda o: o[0] if isinstance(o, tuple) else o)
            t.on(m.decoder.decoder_embed, "decoder.decoder_embed")
            t.on(m.vit, "latent", lambda o: o.last_hidden_state)
        for norm_pix in (False, True):
            m.config.norm_pix_loss = norm_pix
            o = m(i[image], noise=i[noise], interpolate_pos_encoding=resample)
            out[name + (".loss_norm_pix" if norm_pix else ".loss")] = o.loss.reshape(1)
        out.update({f"{name}.{k}": v for k, v in t.off().items()})
        out[name + ".mask"] = o.mask
        if name != "masked50":
            out[name + ".logits"] = o.logits
        if name == "masked":
            out["masked.ids_restore"] = o.ids_restore
            out["masked.reconstruction"] = m.unpatchify(o.logits)
    return {k: v.detach() for k, v in out.items()}


@torch.no_grad()
def check_original(om, inp, r):
    ident = torch.arange(25).repeat(2, 1)
    got = {"out.last_hidden_state": om.encode(inp["in.image"], ident)}
    for name in ("masked", "masked50", "masked80"):
        ratio = RUNS[name][2]
        keep = inp["in.noise"].argsort(1)[:, : int(25 * (1 - ratio))]
        z = om.encode(inp["in.image"], keep)
        if name == "masked":
            got["masked.latent"] = z
        mask = torch.ones(2, 25).scatter(1, keep, 0.0)
        assert torch.equal(mask, r[name + ".mask"])
        target = inp["in.image"].reshape(2, 3, 5, 6, 5, 6).permute(0, 2, 4, 3, 5, 1).reshape(2, 25, 108)
        logits = om.decode(z, keep, 25)
        if name != "masked50":
            got[name + ".logits"] = logits
        for key, t in ((".loss", target), (".loss_norm_pix", (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6).sqrt())):
            got[name + key] = ((((logits - t) ** 2).mean(-1) * mask).sum() / mask.sum()).reshape(1)
    return agree("the original forward pass on timm's blocks against Hugging Face", worst(got, r, [(k, k) for k in got]))


def main():
    m = build()
    sd = m.state_dict()
    g = Numbers(33002)
    inp = {"in.image": images(g, 2, 30, 30), "in.noise": g.u(0, 1, 2, 25), "in.ordered_noise": torch.arange(25).float().repeat(2, 1),
           "in.image24x36": images(g, 1, 24, 36), "in.noise24x36": g.u(0, 1, 1, 24)}
    r, err = run_both(run, m, inp)
    orig = to_original(sd)
    om = Original(orig)
    said = check_original(om, inp, r)
    pk = {"hf": ["vit.embeddings.cls_token", "vit.embeddings.position_embeddings", "vit.embeddings.patch_embeddings.projection.weight", "vit.embeddings.patch_embeddings.projection.bias"],
          "original": ["cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"]}
    with torch.no_grad():
        r["probe_eps.last_hidden_state"] = scaled_copy(om, pk["original"], 0.0003).encode(inp["in.image"], torch.arange(25).repeat(2, 1))
    hf_only = ["weights_hf.safetensors"]
    only = {k: hf_only for k in r if "24x36" in k}
    save_case("mae_tiny", {"weights_hf.safetensors": "mae/huggingface (encoder and decoder)", "weights_original.safetensors": "mae/original (encoder and decoder)"},
              {**CFG, "masked50": {"mask_ratio": 0.5}, "masked80": {"mask_ratio": 0.8}, "eps_probe": {"multiply_hf": pk["hf"], "multiply_original": pk["original"], "factor": 0.0003}},
              {"weights_hf.safetensors": sd, "weights_original.safetensors": orig}, {**inp, **r}, err, [
        "HF ViTMAEForPreTraining (eager), and the same weights under the original repository's names (cls_token, pos_embed, mask_token, decoder_embed, decoder_pos_embed, blocks.N.*, decoder_blocks.N.*, decoder_norm, decoder_pred)",
        "the original model's forward pass was stated again on timm's blocks (its repository needs an old timm); " + said,
        "LayerNorm eps 1e-6 for both files here (upstream's; HF's published config says 1e-12); hidden sizes 28 and 20, feed-forward 76 and 52 (no multiple of 4 x hidden), 2 and 5 heads, 5x5 patches of 6",
        "act.*, out.last_hidden_state: nothing masked or shuffled (mask ratio 0, noise 0..24); act.blocks.1.* all parts, timm's names, attn = after the output projection, mlp.fc2 = before the residual",
        "masked: ratio 0.6, keeps 10 of 25; masked50: int(25 * (1 - 0.5)) = 12; masked80: int(25 * (1 - 0.8)) = int(4.999999999999999) = 4, not 5: the product is taken in float64 and truncated",
        "masked.*.loss = plain pixels, .loss_norm_pix = pixels normalised by the patch's mean and N-1 variance + 1e-6 (the config's setting); mask 1 = removed",
        "24x36 (HF alone, manifest.only): 4x6 patches with interpolate_pos_encoding. Encoder table: bicubic, a = -0.75, by size, no antialias. Decoder table: transformers resamples it as ONE row of 25 positions to one of 24 (bicubic along the row, a = -0.75), not as a grid",
        "grad.patch_feature.image = d out.last_hidden_state[1, 6, 9] / d in.image",
        "probe_eps.last_hidden_state: encoder without masking after multiplying the tensors of config.eps_probe by its factor"],
        {"grad.patch_feature.image": {"of": "out.last_hidden_state", "index": [1, 6, 9], "input": "in.image"}}, only=only)


if __name__ == "__main__":
    main()
