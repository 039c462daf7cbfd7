"""Taps of plain vision transformer blocks in timm and in Hugging Face, under timm's names, and the renaming of Hugging Face blocks."""
import torch
import torch.nn as nn


def tap_timm(t, m):
    for i, b in enumerate(m.blocks):
        p = f"blocks.{i}"
        t.on(b.norm1, p + ".norm1")
        t.on(b.attn, p + ".attn")
        t.pre(b.attn.proj, p + ".attn.z")
        t.on(b.norm2, p + ".norm2")
        t.on(b.mlp.fc1, p + ".mlp.fc1")
        t.pre(b.mlp.fc2, p + ".mlp.act")
        t.on(b.mlp.fc2, p + ".mlp.fc2")
        if not isinstance(b.ls1, nn.Identity):
            t.on(b.ls1, p + ".ls1")
            t.on(b.ls2, p + ".ls2")
        t.on(b, p)
    t.pre(m.blocks[0], "tokens")


@torch.no_grad()
def timm_probs(blocks, acts, heads):
    out = {}
    for i, b in enumerate(blocks):
        x = acts[f"blocks.{i}.norm1"]
        n, l, d = x.shape
        q, k, v = b.attn.qkv(x).reshape(n, l, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
        p = (q @ k.transpose(-1, -2) * (d // heads) ** -0.5).softmax(-1)
        assert ((p @ v).transpose(1, 2).reshape(n, l, d) - acts[f"blocks.{i}.attn.z"]).abs().max() < 1e-5
        out[f"blocks.{i}.attn.probs"] = p
    return out


# (module of a Hugging Face DINOv2 layer, name, pick); the feed-forward is added by tap_hf.
PARTS = (("norm1", "norm1"), ("attention.output.dense", "attn"), ("norm2", "norm2"), ("layer_scale1", "ls1"), ("layer_scale2", "ls2"))


def tap_hf(t, layers, embeddings):
    for i, l in enumerate(layers):
        p = f"blocks.{i}."
        for a, b in PARTS:
            t.on(l.get_submodule(a), p + b)
        t.on(l.attention.attention, p + "attn.z", lambda o: o[0])
        t.on(l.attention.attention, p + "attn.probs", lambda o: o[1])
        first, last = (l.mlp.weights_in, l.mlp.weights_out) if hasattr(l.mlp, "weights_in") else (l.mlp.fc1, l.mlp.fc2)
        t.on(first, p + "mlp.fc1")
        t.pre(last, p + "mlp.act")
        t.on(last, p + "mlp.fc2")
        t.on(l, f"blocks.{i}", lambda o: o[0] if isinstance(o, tuple) else o)
    t.on(embeddings, "tokens")


def hf_blocks_to_original(sd, prefix, depth, pairs, to="blocks"):
    """query, key and value stacked, everything else renamed by pairs"""
    o = {}
    for i in range(depth):
        for w in ("weight", "bias"):
            o[f"{to}.{i}.attn.qkv.{w}"] = torch.cat([sd[f"{prefix}.{i}.attention.attention.{n}.{w}"] for n in ("query", "key", "value")])
            for a, b in pairs:
                o[f"{to}.{i}.{b}.{w}"] = sd[f"{prefix}.{i}.{a}.{w}"]
    return o
