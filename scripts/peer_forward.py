#!/usr/bin/env python3
"""Forward pass of every full-size architecture in PyTorch (eager, float32, CPU), timed: the peer of the Go forward benchmark.

usage: peer_forward.py [--arch NAME ...] [--batch 1 4] [--threads N] [--seconds S] [--rounds R]

One process per architecture and batch, so that peak memory is its own. Random weights, eval, inference mode, one warm-up call that is not
counted, then rounds until both --rounds and --seconds are reached. One JSON line a run: wall seconds of the best and of the median call,
CPU seconds per call (user + system, all threads; with more threads than free cores it includes their waiting), the resident MiB of the
process before the first call (libraries, weights, one input) and the peak from then on, and the load average when the run began. Packages as in golden/requirements.txt.
"""
import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import time

SIZES = {"clip-vit-b-32": 224, "clip-vit-b-16": 224, "clip-vit-l-14": 224, "clip-rn50": 224, "clip-rn50x4": 288,
         "dinov2-reg-vit-b-14": 224, "mae-vit-b-16": 224, "vgg19": 224, "nasnetalarge": 331}


def build(name):
    """(model, function of a batch of images)"""
    import timm
    import torch
    import torchvision
    if name.startswith("clip-"):
        import open_clip
        cfg = {"clip-vit-b-32": "ViT-B-32-quickgelu", "clip-vit-b-16": "ViT-B-16-quickgelu", "clip-vit-l-14": "ViT-L-14-quickgelu",
               "clip-rn50": "RN50-quickgelu", "clip-rn50x4": "RN50x4-quickgelu"}[name]
        cfg = open_clip.get_model_config(cfg)
        m = open_clip.model._build_vision_tower(cfg["embed_dim"], cfg["vision_cfg"], cfg.get("quick_gelu", False))      # the image tower alone
    elif name == "dinov2-reg-vit-b-14":
        m = timm.create_model("vit_base_patch14_reg4_dinov2", pretrained=False, num_classes=0, img_size=224)            # table at 16x16: no resampling
    elif name == "mae-vit-b-16":
        m = timm.create_model("vit_base_patch16_224.mae", pretrained=False, num_classes=0)
    elif name == "vgg19":
        m = torchvision.models.vgg19(weights=None)
    else:
        m = timm.create_model("nasnetalarge", pretrained=False)
    bns = [b for b in m.modules() if isinstance(b, torch.nn.BatchNorm2d)]
    if bns:
        # one pass sets the running statistics: without it the activations of a random network die out into denormal numbers, which are slow
        for b in bns:
            b.momentum = 1.0
        m.train()
        with torch.inference_mode():
            m(torch.randn(2, 3, SIZES[name], SIZES[name]))
    m.eval()
    return m, (m.forward_features if name in ("dinov2-reg-vit-b-14", "mae-vit-b-16") else m)


def resident(what):
    """VmRSS (now) or VmHWM (peak since forget) of this process in MiB"""
    with open("/proc/self/status") as f:
        return next(int(l.split()[1]) for l in f if l.startswith(what)) / 1024


def forget():
    """Linux: the peak starts again from now; what building the model freed is handed back first"""
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")


def one(name, batch, threads, seconds, rounds):
    load = os.getloadavg()[0]
    import torch
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    m, f = build(name)
    x = torch.randn(batch, 3, SIZES[name], SIZES[name])
    forget()
    before = resident("VmRSS")
    wall, cpu = [], []
    with torch.inference_mode():
        y = f(x)
        assert torch.isfinite(y).all()
        start = time.perf_counter()
        while len(wall) < rounds or time.perf_counter() - start < seconds:
            c, t = time.process_time(), time.perf_counter()
            f(x)
            wall.append(time.perf_counter() - t)
            cpu.append(time.process_time() - c)
    r = lambda v: round(v, 5)
    print(json.dumps({"architecture": name, "size": SIZES[name], "batch": batch, "threads": threads, "rounds": len(wall), "wall_best": r(min(wall)), "wall_median": r(statistics.median(wall)),
                      "cpu_per_call": r(sum(cpu) / len(cpu)), "cpu_best": r(min(cpu)), "peak_mib": round(resident("VmHWM")), "before_mib": round(before),
                      "parameters": sum(p.numel() for p in m.parameters()), "torch": torch.__version__, "load_before": round(load, 2)}), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--arch", nargs="+", default=list(SIZES), choices=list(SIZES))
    p.add_argument("--batch", nargs="+", type=int, default=[1, 4])
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.one:
        one(a.arch[0], a.batch[0], a.threads, a.seconds, a.rounds)
        return
    for name in a.arch:
        for b in a.batch:
            subprocess.run([sys.executable, os.path.abspath(__file__), "--one", "--arch", name, "--batch", str(b), "--threads", str(a.threads), "--seconds", str(a.seconds), "--rounds", str(a.rounds)], check=True)


main()
