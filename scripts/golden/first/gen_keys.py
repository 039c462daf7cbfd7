#!/usr/bin/env python3
"""Full-size key tables: {name: shape} + parameter counts, on the meta device (no weights, no memory).
   python gen_keys.py OUTDIR     (transformers 4.x gives the *hub* layout of HF models; 5.x gives its new in-memory layout)"""
import json, math, os, sys, torch

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
index = {}


def dump(name, model, source, note="", sd=None):
    params = dict(model.named_parameters())
    sd = model.state_dict() if sd is None else sd
    keys = {k: list(v.shape) for k, v in sd.items()}
    pnames = set(params)
    buffers = [k for k in keys if k not in pnames]
    n_param = sum(p.numel() for p in params.values())
    n_train = sum(p.numel() for p in params.values() if p.requires_grad)
    d = {"model": name, "source": source, "note": note, "n_keys": len(keys),
         "parameters": n_param, "trainable_parameters": n_train,
         "elements_in_state_dict": sum(math.prod(s) for s in keys.values()),
         "buffers_in_state_dict": buffers if len(buffers) <= 8 else f"{len(buffers)} (BatchNorm running_mean, running_var, num_batches_tracked)",
         "keys": keys}
    if hasattr(model, "visual"):
        d["visual_parameters"] = sum(p.numel() for k, p in params.items() if k.startswith("visual."))
    with open(os.path.join(out, name + ".json"), "w") as f:
        json.dump(d, f, separators=(",", ":"))
    index[name] = {"n_keys": len(keys), "parameters": n_param, "elements_in_state_dict": d["elements_in_state_dict"]}
    print(f"{name:42s} keys {len(keys):5d} params {n_param:,}")


hf5 = "--hf5-only" in sys.argv
import transformers
from transformers import (CLIPModel, CLIPConfig, Dinov2WithRegistersModel, Dinov2WithRegistersConfig, ViTMAEConfig,
                          ViTMAEForPreTraining, ViTMAEModel)
maj = transformers.__version__.split(".")[0]
suffix = "" if maj == "4" else "_inmemory_transformers5"
tv = "transformers " + transformers.__version__
with torch.device("meta"):
    # defaults of CLIPConfig are ViT-B/32 (512 wide text, 768 wide vision, patch 32, projection 512)
    hf_clip = CLIPModel(CLIPConfig())
    hf_dino = Dinov2WithRegistersModel(Dinov2WithRegistersConfig(image_size=518, patch_size=14))
    hf_mae = ViTMAEForPreTraining(ViTMAEConfig())
    hf_mae_enc = ViTMAEModel(ViTMAEConfig())
dump("hf_clip_vit_b32" + suffix, hf_clip, tv + " CLIPModel(CLIPConfig())",
     "old hub checkpoints also hold text_model/vision_model.embeddings.position_ids (int64), which loaders must ignore")
dump("hf_dinov2_with_registers_base" + suffix, hf_dino,
     tv + " Dinov2WithRegistersModel(image_size=518, patch_size=14, 4 registers)", "position_embeddings 1x1370x768 = 37*37+1")
dump("hf_vit_mae_base_pretraining" + suffix, hf_mae, tv + " ViTMAEForPreTraining",
     "position_embeddings and decoder_pos_embed are stored but not trainable (sin-cos)")
dump("hf_vit_mae_base_encoder" + suffix, hf_mae_enc, tv + " ViTMAEModel", "hub files carry the prefix vit. on these keys")

if not hf5:
    import open_clip, timm, torchvision
    oc = "open_clip " + open_clip.__version__
    for n in ["ViT-B-32-quickgelu", "ViT-B-16-quickgelu", "RN50-quickgelu", "RN101-quickgelu", "RN50x4-quickgelu"]:
        cfg = open_clip.get_model_config(n)
        with torch.device("meta"):
            m = open_clip.model.CLIP(**cfg)
        # same thing by the public entry point (CPU, random weights), to be sure that create_model adds nothing
        m2 = open_clip.create_model(n, pretrained=None)
        assert {k: v.shape for k, v in m.state_dict().items()} == {k: v.shape for k, v in m2.state_dict().items()}
        del m2
        dump("openclip_" + n.replace("-quickgelu", "").replace("-", "_").lower(), m, f"{oc} create_model('{n}', pretrained=None)",
             "identical to OpenAI's layout; OpenAI's .pt files add the scalars input_resolution, context_length, vocab_size")
    with torch.device("meta"):
        dump("timm_vit_base_patch14_reg4_dinov2", timm.create_model("vit_base_patch14_reg4_dinov2", pretrained=False, num_classes=0),
             f"timm {timm.__version__}", "img_size 518; pos_embed has no class row (no_embed_class), it is folded into cls_token")
        dump("timm_vit_base_patch16_224_mae", timm.create_model("vit_base_patch16_224.mae", pretrained=False, num_classes=0),
             f"timm {timm.__version__}", "vit_base_patch16_224.mae with num_classes=0 (the tag's own setting): encoder + final norm")
        dump("timm_vit_base_patch32_clip_224_openai", timm.create_model("vit_base_patch32_clip_quickgelu_224.openai", pretrained=False, num_classes=512),
             f"timm {timm.__version__}", "image tower only, vit_base_patch32_clip_quickgelu_224 with num_classes=512 (head = proj^T)")
        dump("timm_resnet50_clip_openai", timm.create_model("resnet50_clip.openai", pretrained=False),
             f"timm {timm.__version__}", "image tower only")
        dump("torchvision_vgg19", torchvision.models.vgg19(weights=None), f"torchvision {torchvision.__version__}")
        dump("timm_vgg19", timm.create_model("vgg19", pretrained=False), f"timm {timm.__version__}")
        dump("timm_nasnetalarge", timm.create_model("nasnetalarge", pretrained=False), f"timm {timm.__version__}",
             "num_batches_tracked entries are int64 scalars, to be ignored")
p = os.path.join(out, "index.json")
old = json.load(open(p)) if os.path.exists(p) else {}
old.update(index)
json.dump(old, open(p, "w"), indent=1, sort_keys=True)
