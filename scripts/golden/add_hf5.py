#!/usr/bin/env python3
"""Adds weights_hf5.safetensors to dinov2reg_swiglu_tiny and mae_tiny: the same weights under the names that transformers 5 uses in memory,
after transformers 5 has loaded the hub's file and given the same numbers; and the full-size tables of these names.

Needs transformers 5 (5.23.0 made the committed files), apart from the 4.x of requirements.txt: pip install --no-deps --target DIR
transformers==5.23.0 huggingface_hub==1.31.0 tokenizers==0.23.1 and what they ask for, then PYTHONPATH=DIR add_hf5.py. Run gen_dinov2.py and
gen_mae.py before it. Files that transformers 5 saves keep the hub's names, but for the decoder of the masked autoencoder.
"""
import json
import os
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel, ViTMAEConfig, ViTMAEForPreTraining

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("GOLD_OUT", os.path.join(HERE, "..", "..", "models", "golden", "testdata"))
KEYS = os.path.join(HERE, "..", "..", "models", "weights", "testdata", "keys")
assert transformers.__version__.startswith("5.")


def reload(cls, config, sd):
    """the model as transformers 5 loads it from a file with the hub's names, and the names it saves"""
    with tempfile.TemporaryDirectory() as d, tempfile.TemporaryDirectory() as e:
        config.save_pretrained(d)
        save_file(sd, os.path.join(d, "model.safetensors"), metadata={"format": "pt"})
        m = cls.from_pretrained(d, attn_implementation="eager").eval()
        m.save_pretrained(e)
        return m, load_file(os.path.join(e, "model.safetensors"))


def case(name, family, cls, conf, skip, run):
    d = os.path.join(ROOT, name)
    with open(os.path.join(d, "manifest.json")) as f:
        man = json.load(f)
    io = load_file(os.path.join(d, "io.safetensors"))
    m, saved = reload(cls, conf(**{k: v for k, v in man["config"].items() if k not in skip}), load_file(os.path.join(d, "weights_hf.safetensors")))
    with torch.no_grad():
        err = max(float((a - io[k]).abs().max() / io[k].abs().max()) for k, a in run(m, io).items())
    print(f"{name}: transformers {transformers.__version__} against the case {err:.2g}; saves the hub's names: {set(saved) == set(load_file(os.path.join(d, 'weights_hf.safetensors')))}")
    assert err < 2e-5
    fn = "weights_hf5.safetensors"
    save_file({k: v.contiguous().clone() for k, v in m.state_dict().items()}, os.path.join(d, fn), metadata={"format": "pt"})
    man["architecture"][fn] = family + "/huggingface (names of transformers 5 in memory)"
    for files in man.get("only", {}).values():
        if "weights_hf.safetensors" in files and fn not in files:
            files.append(fn)
    man["versions"]["transformers"] = [v for v in (man["versions"]["transformers"] if isinstance(man["versions"]["transformers"], list) else [man["versions"]["transformers"]]) if v != transformers.__version__] + [transformers.__version__]
    note = f"weights_hf5: the same weights under transformers {transformers.__version__}'s names in memory, which also ran the case (largest difference {err:.1g} of a peak)"
    man["notes"] = [n for n in man["notes"] if not n.startswith("weights_hf5")] + [note]
    with open(os.path.join(d, "manifest.json"), "w") as f:
        json.dump(man, f, indent=1)
        f.write("\n")


def tables():
    with open(os.path.join(KEYS, "index.json")) as f:
        index = json.load(f)
    giant = dict(hidden_size=1536, num_hidden_layers=40, num_attention_heads=24, image_size=518, patch_size=14, use_swiglu_ffn=True)
    with torch.device("meta"):
        models = {"hf_dinov2_base": Dinov2Model(Dinov2Config(image_size=518, patch_size=14)), "hf_dinov2_giant": Dinov2Model(Dinov2Config(**giant)),
                  "hf_dinov2_with_registers_giant": Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**giant))}
    for name, m in models.items():
        write(index, name + "_inmemory_transformers5", m, {k: list(v.shape) for k, v in m.state_dict().items()}, "names in memory; files keep the hub's")
    small = dict(hidden_size=24, num_hidden_layers=12, num_attention_heads=2, intermediate_size=48, image_size=32, patch_size=16, decoder_hidden_size=16, decoder_num_attention_heads=2, decoder_intermediate_size=32)
    m = ViTMAEForPreTraining(ViTMAEConfig(**small))
    with tempfile.TemporaryDirectory() as e:
        m.save_pretrained(e)
        names = set(load_file(os.path.join(e, "model.safetensors")))
    with open(os.path.join(KEYS, "hf_vit_mae_base_pretraining.json")) as f:
        hub = json.load(f)["keys"]
    keys = {k.replace("decoder.decoder_layers.", "decoder.decoder_encoder.layer."): s for k, s in hub.items()}
    assert set(keys) == names, sorted(names ^ set(keys))[:6]
    write(index, "hf_vit_mae_base_pretraining_saved_transformers5", None, keys, "what save_pretrained of transformers 5 writes: only the decoder's blocks are renamed; names from a small model, shapes of ViT-B")
    with open(os.path.join(KEYS, "index.json"), "w") as f:
        json.dump(index, f, indent=1, sort_keys=True)


def write(index, name, m, keys, note):
    n = sum(torch.Size(s).numel() for s in keys.values())
    params = sum(p.numel() for p in m.parameters()) if m is not None else n
    with open(os.path.join(KEYS, name + ".json"), "w") as f:
        json.dump({"model": name, "source": "transformers " + transformers.__version__, "note": note, "n_keys": len(keys), "parameters": params, "trainable_parameters": params,
                   "elements_in_state_dict": n, "buffers_in_state_dict": [], "keys": keys}, f, separators=(",", ":"))
    index[name] = {"n_keys": len(keys), "parameters": params, "elements_in_state_dict": n}
    print(f"{name}: {len(keys)} keys, {params:,}")


def run_dinov2(m, io):
    return {f"out{k[8:]}.last_hidden_state": m(v).last_hidden_state for k, v in io.items() if k.startswith("in.")}


def run_mae(m, io):
    o = m(io["in.image"], noise=io["in.noise"])
    p = m(io["in.image24x36"], noise=io["in.noise24x36"], interpolate_pos_encoding=True)
    return {"masked.logits": o.logits, "masked.loss_norm_pix": o.loss.reshape(1), "masked24x36.logits": p.logits}


def main():
    case("dinov2reg_swiglu_tiny", "dinov2-reg", Dinov2WithRegistersModel, Dinov2WithRegistersConfig, ("ffn_hidden",), run_dinov2)
    case("mae_tiny", "mae", ViTMAEForPreTraining, ViTMAEConfig, ("masked50", "masked80", "eps_probe"), run_mae)
    tables()


main()
