#!/usr/bin/env python3
"""Exports small networks with PyTorch's two exporters into models/onnx/testdata, and writes beside each NAME.onnx the values of all its
tensors for two pictures, computed one at a time by ONNX's reference implementation: NAME.safetensors with "in" and "I:TENSOR", and
"I:hook MODULE", what a hook on the module sees in PyTorch.

NAME ends in what made it: "script" (the TorchScript exporter) or "dynamo", and "1" where it is for one picture at a time."""
import os
import sys
import warnings

import numpy as np
import onnx
import timm
import torch
from onnx.reference import ReferenceEvaluator
from safetensors.numpy import save_file

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
OUT = os.environ.get("ONNX_OUT", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models", "onnx", "testdata"))


class Sequence(torch.nn.Module):
    """A block of torch.nn.MultiheadAttention with the tokens first, as CLIP's original code runs it: [token, stimulus, channel]."""

    def __init__(self, width=8, heads=2):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, width, 4, 4)
        self.token = torch.nn.Parameter(torch.randn(width))
        self.ln = torch.nn.LayerNorm(width)
        self.attn = torch.nn.MultiheadAttention(width, heads)
        self.fc = torch.nn.Linear(width, 3 * width)
        self.proj = torch.nn.Linear(3 * width, width)

    def forward(self, x):
        x = self.conv(x).flatten(2).permute(0, 2, 1)
        x = torch.cat([self.token + torch.zeros(x.shape[0], 1, x.shape[-1]), x], 1)
        x = x.permute(1, 0, 2)
        y = self.ln(x)
        x = x + self.attn(y, y, y, need_weights=True)[0]
        y = self.fc(x)
        x = x + self.proj(y * torch.sigmoid(1.702 * y))
        return x.permute(1, 0, 2)[:, 0]


class Convolutions(torch.nn.Module):
    """Batch norms that an exporter cannot fold, pooling of all kinds, a squeeze-and-excitation gate, a depthwise convolution."""

    def __init__(self):
        super().__init__()
        nn = torch.nn
        self.bn0 = nn.BatchNorm2d(3)
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.dw = nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.excite = nn.Conv2d(4, 8, 1)
        self.mean = nn.AvgPool2d(2)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        x = torch.relu(self.conv(self.bn0(x)))
        x = self.pool(x)
        y = torch.nn.functional.hardswish(self.dw(self.bn1(x)))
        gate = torch.sigmoid(self.excite(torch.relu(self.squeeze(y.mean((2, 3), keepdim=True)))))
        x = torch.cat([x, y * gate], 1)
        x = torch.nn.functional.avg_pool2d(x, 3, 2, 1) + self.mean(x)
        return self.head(torch.nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


def vit():
    return timm.create_model("vit_tiny_patch16_224", img_size=16, patch_size=4, depth=1, embed_dim=12, num_heads=3, num_classes=5)


def swin():
    return timm.create_model("swin_tiny_patch4_window7_224", img_size=32, patch_size=4, window_size=4, depths=(2, 1), embed_dim=4, num_heads=(2, 2), num_classes=5)


def convnext():
    return timm.create_model("convnext_atto", depths=(1, 1, 1, 1), dims=(4, 4, 8, 8), num_classes=5)


def export(name, make, size, kind, one):
    torch.manual_seed(len(name))
    model = make().eval()
    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, torch.nn.BatchNorm2d):
                m.running_mean.normal_(0, 0.3), m.running_var.uniform_(0.5, 1.5), m.weight.uniform_(0.5, 1.5), m.bias.normal_(0, 0.3)
    x = torch.randn(1 if one else 2, 3, size, size)
    path = os.path.join(OUT, f"{name}_{kind}{'1' if one else ''}.onnx")
    if kind == "dynamo":
        shapes = None if one else ({0: torch.export.Dim("n", min=1, max=64)},)
        torch.onnx.export(model, (x,), path, dynamo=True, external_data=False, opset_version=20, input_names=["x"], dynamic_shapes=shapes, verbose=False)
    else:
        torch.onnx.export(model, (x,), path, dynamo=False, opset_version=17, input_names=["x"], dynamic_axes=None if one else {"x": {0: "n"}})
    m = onnx.load(path)
    # Traces of where the exporter found each node are most of the file.
    for n in list(m.graph.node) + list(m.graph.value_info) + list(m.graph.input) + list(m.graph.output) + list(m.graph.initializer):
        n.doc_string = ""
        keep = [(p.key, p.value) for p in n.metadata_props if p.key == "pkg.torch.onnx.name_scopes" and isinstance(n, onnx.NodeProto)]
        del n.metadata_props[:]
        for k, v in keep:
            n.metadata_props.add(key=k, value=v)
    del m.metadata_props[:], m.graph.metadata_props[:], m.graph.value_info[:]
    onnx.save(m, path)
    picture = np.random.default_rng(len(name)).standard_normal((2, 3, size, size)).astype(np.float32)
    stored = {t.name for t in m.graph.initializer} | {o for n in m.graph.node if n.op_type == "Constant" for o in n.output}
    values = {"in": picture}
    for i in range(2):
        for k, v in ReferenceEvaluator(m).run(None, {"x": picture[i:i + 1]}, intermediate=True).items():
            if k and k not in stored and k != "x" and isinstance(v, np.ndarray) and v.dtype == np.float32 and v.size > 1:
                values[f"{i}:{k}"] = np.ascontiguousarray(v)
    # What hooks on PyTorch's modules see, to check the names of modules.
    for i in range(2):
        seen, hooks = {}, []
        for where, module in model.named_modules():
            if where:
                hooks.append(module.register_forward_hook(lambda _m, _i, y, where=where: seen.__setitem__(where, y)))
        with torch.no_grad():
            model(torch.from_numpy(picture[i:i + 1]))
        for where, y in seen.items():
            if isinstance(y, torch.Tensor):
                values[f"{i}:hook {where}"] = np.ascontiguousarray(y.numpy())
        for hook in hooks:
            hook.remove()
    with torch.no_grad():
        want = torch.cat([model(torch.from_numpy(picture[i:i + 1])) for i in range(2)]).numpy()
    got = np.concatenate([values[f"{i}:{m.graph.output[0].name}"] for i in range(2)])
    assert np.abs(got - want).max() < 1e-4 * np.abs(want).max(), name
    save_file(values, path[:-5] + ".safetensors")
    print(os.path.basename(path), os.path.getsize(path), os.path.getsize(path[:-5] + ".safetensors"), len(m.graph.node), file=sys.stderr)


export("convolutions", Convolutions, 32, "script", False)
export("convolutions", Convolutions, 32, "dynamo", True)
export("vit", vit, 16, "script", True)
export("vit", vit, 16, "dynamo", False)
export("sequence", Sequence, 16, "script", False)
export("sequence", Sequence, 16, "dynamo", True)
export("swin", swin, 32, "script", True)
export("swin", swin, 32, "dynamo", False)
export("convnext", convnext, 32, "dynamo", True)
