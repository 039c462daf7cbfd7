#!/usr/bin/env python3
"""VGG: vgg11_tiny, vgg13_tiny, vgg16_tiny and vgg11_bn_tiny (torchvision; vgg16_tiny and vgg11_bn_tiny in timm's layout too)."""
import torch
import torch.nn as nn
from timm.models import vgg as timm_vgg
from torchvision.models.vgg import VGG, cfgs, make_layers

from common import *


def build(letter, widths, hidden, classes, bn, seed):
    """Configuration `letter` with stage widths instead of 64, 128, 256, 512, 512 (or one width a convolution)."""
    cfg, stage, k = [], 0, 0
    for c in cfgs[letter]:
        if c == "M":
            stage += 1
            cfg.append("M")
        else:
            cfg.append(widths[k] if len(widths) > 5 else widths[stage])
            k += 1
    m = VGG(make_layers(cfg, batch_norm=bn), num_classes=classes, init_weights=False)
    last = [c for c in cfg if c != "M"][-1]
    m.classifier = nn.Sequential(nn.Linear(last * 49, hidden), nn.ReLU(True), nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(True), nn.Dropout(), nn.Linear(hidden, classes))
    m.eval()
    g = Numbers(seed)
    randomise_convolutions(m, g, 2 ** 0.5)
    if bn:
        randomise_bn(m, g, images(g, 16, 64, 64))
    return m, cfg


def sites(features):
    return [i for i, l in enumerate(features) if isinstance(l, (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d))]


def make_run(full, others, unit):
    """full: input with every site of the trunk from the second pool on and the pool outputs before; others: last pool and head alone"""
    def run(m, i):
        out = {}
        pools = [k for k, l in enumerate(m.features) if isinstance(l, nn.MaxPool2d)]
        for n in (full, *others):
            s = n[len("in.image"):]
            t, keep = Taps(), {}
            for k in (sites(m.features) if n == full else pools[3:]):
                if k > pools[0] or k in pools or k == 0:
                    t.on(m.features[k], f"features.{k}")
            t.on(m.avgpool, "avgpool")
            t.on(m.classifier[0], "classifier.0")
            t.on(m.classifier[3], "classifier.3")
            x = i[n].clone().requires_grad_(True)
            hk = m.features[unit[0]].register_forward_hook(lambda mm, a, o: keep.update(o=o.clone()))
            out[f"out{s}.logits"] = m(x)
            hk.remove()
            out.update({f"act{s}.{k}": v for k, v in t.off().items()})
            if n == full:
                f, y, xx = unit[1:]
                out[f"grad{s}.unit.image"], = torch.autograd.grad(keep["o"][0, f, y, xx], x, retain_graph=True)
                out[f"grad{s}.channel_mean.image"], = torch.autograd.grad(keep["o"][0, f].mean(), x)
        return out
    return run


def to_timm(m, cfg, hidden, classes, bn):
    """timm's VGG of the same configuration (its 4096 hidden units replaced), weights by reshaping"""
    tm = timm_vgg.VGG(cfg, num_classes=classes, norm_layer=nn.BatchNorm2d if bn else None)
    last = [c for c in cfg if c != "M"][-1]
    tm.pre_logits = timm_vgg.ConvMlp(last, hidden, 7)
    tm.head = timm_vgg.ClassifierHead(hidden, classes, pool_type="avg")
    sd = {}
    for k, v in m.state_dict().items():
        k2 = k.replace("classifier.0", "pre_logits.fc1").replace("classifier.3", "pre_logits.fc2").replace("classifier.6", "head.fc")
        v = v.reshape(hidden, last, 7, 7) if k == "classifier.0.weight" else v.reshape(hidden, hidden, 1, 1) if k == "classifier.3.weight" else v
        sd[k2] = v
    tm.load_state_dict(sd, strict=True)
    return tm.eval(), sd


def case(name, letter, widths, hidden, classes, bn, seed, full, others, unit, timm_only=None, twin=False):
    m, cfg = build(letter, widths, hidden, classes, bn, seed)
    g = Numbers(seed + 1)
    key = lambda s: "in.image" + ("x".join(map(str, s)) if s[0] != s[1] else str(s[0]))
    inp = {key(s): images(g, 1, *s) for s in (full, *others)}
    with torch.no_grad():
        p = m.features[:unit[0] + 1](inp[key(full)])
    live = int(torch.nonzero(p[0, :, unit[1], unit[2]] > 0.3)[0])
    unit = (unit[0], live, unit[1], unit[2])
    r, err = run_both(make_run(key(full), [key(s) for s in others], unit), m, inp)
    pools = [k for k, l in enumerate(m.features) if isinstance(l, nn.MaxPool2d)]
    convs = [k for k, l in enumerate(m.features) if isinstance(l, nn.Conv2d)]
    arch, weights, only, aliases, notes = {"weights.safetensors": "vgg/torchvision"}, {"weights.safetensors": m.state_dict()}, None, None, []
    if timm_only or twin:
        tm, sd = to_timm(m, cfg, hidden, classes, bn)
        with torch.no_grad():
            notes.append(agree("timm against torchvision", max(worst({"y": tm(x)}, r, [("y", f"out{k[8:]}.logits")]) for k, x in inp.items())))
        if timm_only:
            k = key(timm_only)
            inp[k] = images(g, 1, *timm_only)
            out = f"out{k[8:]}.logits"
            rt, errt = run_both(lambda mm, i: {out: mm(i[k])}, tm, inp)
            r.update(rt)
            err.update(errt)
            only = {out: ["weights_timm.safetensors"]}
            with torch.no_grad():
                print(f"   torchvision at {k} is {worst({'y': m(inp[k])}, rt, [('y', out)]):.2g} away")
        arch = {"weights_torchvision.safetensors": "vgg/torchvision", "weights_timm.safetensors": "vgg/timm"}
        weights = {"weights_torchvision.safetensors": m.state_dict(), "weights_timm.safetensors": sd}
        aliases = {"timm": {"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2", "classifier.6": "head.fc"}}
        notes.append("timm's classifier is convolutional: pre_logits.fc1 (7x7 convolution = classifier.0 reshaped to [hidden, channels, 7, 7]), pre_logits.fc2 (1x1), head.fc after a global average; "
                     "up to 7x7 final maps it equals torchvision's (sides below 7 are enlarged by adaptive average pooling)")
        if timm_only:
            notes.append(f"{key(timm_only)} (timm alone, manifest.only): final map {timm_only[0] // 32}x{timm_only[1] // 32}; above 7 the 7x7 convolution slides and the layouts differ")
    s = key(full)[8:]
    save_case(name, arch, dict(letter=letter, cfg=cfg, batch_norm=bn, conv_indices=convs, pool_indices=pools, classifier=[[c for c in cfg if c != "M"][-1] * 49, hidden, hidden, classes], bn_eps=1e-5 if bn else None),
              weights, {**inp, **r}, err, [
        f"torchvision VGG, configuration {letter}" + (" with BatchNorm" if bn else "") + f", irregular widths {[c for c in cfg if c != 'M']}, NCHW, eval",
        "act*.features.N for convolutions = with bias, before " + ("BatchNorm; for BatchNorms = before ReLU; " if bn else "ReLU; ") + "for pools = pool output; odd maps floor",
        "avgpool = AdaptiveAvgPool2d(7, 7) (window k covers floor(k*n/7) .. ceil((k+1)*n/7)); flatten order is (channel, row, column); classifier.0 and classifier.3 before ReLU",
        f"grad{s}.unit.image = d features.{unit[0]}[0, {unit[1]}, {unit[2]}, {unit[3]}] / d image, grad{s}.channel_mean.image = d mean over positions of channel {unit[1]}", *notes],
        {f"grad{s}.unit.image": {"of": f"features.{unit[0]}", "index": [0, *unit[1:]], "input": key(full)},
         f"grad{s}.channel_mean.image": {"of": f"features.{unit[0]}", "index": [0, unit[1], None, None], "input": key(full)}}, aliases=aliases, only=only)


def main():
    case("vgg11_tiny", "A", [3, 6, 7, 9, 10, 12, 11, 8], 18, 6, False, 36001, (45, 62), [(64, 64)], (10, 2, 5))
    case("vgg16_tiny", "D", [4, 5, 8, 10, 9], 16, 7, False, 36101, (48, 40), [(64, 47)], (16, 3, 2), timm_only=(256, 32))
    case("vgg13_tiny", "B", [3, 4, 6, 8, 7], 14, 5, False, 36201, (35, 41), [(32, 96)], (9, 5, 4))
    case("vgg11_bn_tiny", "A", [3, 5, 8, 8, 9], 15, 6, True, 36301, (50, 39), [(64, 33)], (14, 3, 2), twin=True)


if __name__ == "__main__":
    main()
