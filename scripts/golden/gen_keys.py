#!/usr/bin/env python3
"""Full-size key tables beyond the first twenty: {name: shape} and parameter counts, on the meta device (no weights, no memory).

usage: gen_keys.py [DIR]; DIR is models/weights/testdata/keys unless given; tables that are there are left alone, index.json is extended.
Needs transformers 4.x, whose names in memory are the hub's. The original DINOv2 and MAE tables are Hugging Face's renamed.
"""
import json
import math
import os
import sys

import open_clip
import timm
import torch
import torchvision
import transformers
from transformers import CLIPConfig, CLIPModel, Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel, ViTMAEConfig, ViTMAEForPreTraining

from vit_taps import hf_blocks_to_original

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "..", "models", "weights", "testdata", "keys")
index = {}


def dump(name, model, source, note="", sd=None):
    """sd: other names for the same model (then every entry counts as a parameter)"""
    params = dict(model.named_parameters())
    renamed = sd is not None
    sd = sd if renamed else model.state_dict()
    keys = {k: list(v.shape) for k, v in sd.items()}
    elements = sum(math.prod(s) for s in keys.values())
    buffers = [] if renamed else [k for k in keys if k not in params]
    n = elements if renamed else sum(p.numel() for p in params.values())
    d = {"model": name, "source": source, "note": note, "n_keys": len(keys), "parameters": n,
         "trainable_parameters": sum(p.numel() for p in params.values() if p.requires_grad), "elements_in_state_dict": elements,
         "buffers_in_state_dict": buffers if len(buffers) <= 8 else f"{len(buffers)} (BatchNorm running_mean, running_var, num_batches_tracked)", "keys": keys}
    if hasattr(model, "visual"):
        d["visual_parameters"] = sum(p.numel() for k, p in params.items() if k.startswith("visual."))
    path = os.path.join(OUT, name + ".json")
    if os.path.exists(path):
        with open(path) as f:
            assert json.load(f)["keys"] == keys, name
        return
    with open(path, "w") as f:
        json.dump(d, f, separators=(",", ":"))
    index[name] = {"n_keys": len(keys), "parameters": n, "elements_in_state_dict": elements}
    print(f"{name:44s} keys {len(keys):5d} params {n:,}")


def clip():
    src = "open_clip " + open_clip.__version__
    for n in ("RN50x16-quickgelu", "RN50x64-quickgelu", "ViT-L-14-quickgelu"):
        with torch.device("meta"):
            m = open_clip.model.CLIP(**open_clip.get_model_config(n))
        dump("openclip_" + n.replace("-quickgelu", "").replace("-", "_").lower(), m, f"{src} CLIP of the configuration '{n}'",
             "OpenAI's layout; OpenAI's .pt files add the scalars input_resolution, context_length, vocab_size")
    hf = "transformers " + transformers.__version__
    vision = {"b16": dict(patch_size=16), "l14": dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14, projection_dim=768)}
    text = {"b16": {}, "l14": dict(hidden_size=768, intermediate_size=3072, num_attention_heads=12, projection_dim=768)}
    for n in vision:
        with torch.device("meta"):
            m = CLIPModel(CLIPConfig(vision_config=vision[n], text_config=text[n], projection_dim=768 if n == "l14" else 512))
        dump("hf_clip_vit_" + n, m, f"{hf} CLIPModel", "old hub checkpoints also hold position_ids (int64), which loaders must ignore")
    for n, c in (("vit_base_patch16_clip_quickgelu_224.openai", 512), ("vit_large_patch14_clip_quickgelu_224.openai", 768), ("resnet50x4_clip.openai", None)):
        with torch.device("meta"):
            m = timm.create_model(n, pretrained=False, **({"num_classes": c} if c else {}))
        dump("timm_" + n.replace("_quickgelu", "").replace(".", "_"), m, f"timm {timm.__version__} {n}", "image tower only" + (", head = proj transposed" if c else ""))


def dinov2():
    hf = "transformers " + transformers.__version__
    sizes = {"small": ("s", 384, 12, 6), "base": ("b", 768, 12, 12), "large": ("l", 1024, 24, 16), "giant": ("g", 1536, 40, 24)}
    for size, (letter, d, depth, heads) in sizes.items():
        giant = size == "giant"
        for reg in (False, True):
            cls, conf = (Dinov2WithRegistersModel, Dinov2WithRegistersConfig) if reg else (Dinov2Model, Dinov2Config)
            with torch.device("meta"):
                m = cls(conf(hidden_size=d, num_hidden_layers=depth, num_attention_heads=heads, image_size=518, patch_size=14, use_swiglu_ffn=giant))
                t = timm.create_model(f"vit_{size}_patch14_{'reg4_' if reg else ''}dinov2", pretrained=False, num_classes=0)
            sd = m.state_dict()
            dump(f"hf_dinov2_{'with_registers_' if reg else ''}{size}", m, f"{hf} {cls.__name__}", "image_size 518, patch 14" + (", SwiGLU: mlp.weights_in / weights_out" if giant else ""))
            dump(f"timm_vit_{size}_patch14_{'reg4_' if reg else ''}dinov2", t, f"timm {timm.__version__}",
                 ("pos_embed has no class row (folded into cls_token); " if reg else "") + ("SwiGLUPacked: mlp.fc1 / fc2; " if giant else "") + "no mask_token")
            o = {"cls_token": sd["embeddings.cls_token"], "pos_embed": sd["embeddings.position_embeddings"], "mask_token": sd["embeddings.mask_token"]}
            if reg:
                o["register_tokens"] = sd["embeddings.register_tokens"]
            o["patch_embed.proj.weight"], o["patch_embed.proj.bias"] = (sd[f"embeddings.patch_embeddings.projection.{w}"] for w in ("weight", "bias"))
            ffn = (("mlp.weights_in", "mlp.w12"), ("mlp.weights_out", "mlp.w3")) if giant else (("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2"))
            o.update(hf_blocks_to_original(sd, "encoder.layer", depth, (("norm1", "norm1"), ("attention.output.dense", "attn.proj"), ("norm2", "norm2")) + ffn))
            for i in range(depth):
                for k in (1, 2):
                    o[f"blocks.{i}.ls{k}.gamma"] = sd[f"encoder.layer.{i}.layer_scale{k}.lambda1"]
            o["norm.weight"], o["norm.bias"] = sd["layernorm.weight"], sd["layernorm.bias"]
            dump(f"original_dinov2_vit{letter}14{'_reg4' if reg else ''}", m, f"the names of the published repository, shapes of {hf} {cls.__name__}",
                 "renamed, not built from the repository" + ("; SwiGLU: mlp.w12 / w3" if giant else ""), o)


def mae():
    with torch.device("meta"):
        m = ViTMAEForPreTraining(ViTMAEConfig())
    sd = m.state_dict()
    pairs = (("layernorm_before", "norm1"), ("attention.output.dense", "attn.proj"), ("layernorm_after", "norm2"), ("intermediate.dense", "mlp.fc1"), ("output.dense", "mlp.fc2"))
    o = {"cls_token": sd["vit.embeddings.cls_token"], "pos_embed": sd["vit.embeddings.position_embeddings"], "mask_token": sd["decoder.mask_token"]}
    o["patch_embed.proj.weight"], o["patch_embed.proj.bias"] = (sd[f"vit.embeddings.patch_embeddings.projection.{w}"] for w in ("weight", "bias"))
    o.update(hf_blocks_to_original(sd, "vit.encoder.layer", 12, pairs))
    o["norm.weight"], o["norm.bias"] = sd["vit.layernorm.weight"], sd["vit.layernorm.bias"]
    o.update({k[len("decoder."):]: v for k, v in sd.items() if k.startswith("decoder.decoder_") and "layers" not in k})
    o.update(hf_blocks_to_original(sd, "decoder.decoder_layers", 8, pairs, "decoder_blocks"))
    dump("original_mae_vit_base_patch16", m, f"the names of the published repository, shapes of transformers {transformers.__version__} ViTMAEForPreTraining",
         "renamed, not built from the repository; mae_pretrain_* files hold the encoder alone, mae_visualize_* files both", o)


def vgg():
    for n in ("vgg11", "vgg13", "vgg16", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"):
        with torch.device("meta"):
            m = getattr(torchvision.models, n)(weights=None)
        dump("torchvision_" + n, m, f"torchvision {torchvision.__version__}")
    for n in ("vgg16", "vgg16_bn"):
        with torch.device("meta"):
            m = timm.create_model(n, pretrained=False)
        dump("timm_" + n, m, f"timm {timm.__version__}")


def main():
    clip()
    dinov2()
    mae()
    vgg()
    path = os.path.join(OUT, "index.json")
    with open(path) as f:
        old = json.load(f)
    old.update(index)
    with open(path, "w") as f:
        json.dump(old, f, indent=1, sort_keys=True)


main()
