#!/usr/bin/env python3
"""Forward passes of every full-size architecture, Ventral beside PyTorch, alternating, so that both see the same machine.

usage: compare_forward.py --ventral BINARY [--rounds 3] [--batch 1 4] [--threads 2] [--arch NAME ...]

Run it with a Python that has the packages of golden/requirements.txt. Each round runs `ventral bench forward random:NAME`
and peer_forward.py once; a side's number is the least over the rounds. Prints one Markdown row a network and batch size:
CPU seconds and best wall seconds of a call on both sides, their ratios, compile seconds and peak MiB of Ventral.
"""
import argparse
import json
import os
import subprocess
import sys

NAMES = {"clip-vit-b-32": "openai/clip-vit-b-32", "clip-vit-b-16": "openai/clip-vit-b-16", "clip-vit-l-14": "openai/clip-vit-l-14",
         "clip-rn50": "openai/clip-rn50", "clip-rn50x4": "openai/clip-rn50x4", "dinov2-reg-vit-b-14": "facebook/dinov2-reg-vit-b-14?size=224",
         "mae-vit-b-16": "facebook/mae-vit-b-16", "vgg19": "torchvision/vgg19", "nasnetalarge": "timm/nasnetalarge"}


def ventral(binary, name, batches):
    out = subprocess.run([binary, "bench", "forward", "random:" + name, "--batch", ",".join(map(str, batches)), "--repeat", "5", "--json"],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    r = json.loads(out)
    return [{"batch": b["size"], "cpu": b["cpu_seconds"], "wall": b["best_seconds"], "compile": b["compile_seconds"], "peak": r["memory"]["peak"] / 2**20}
            for b in r["batches"]]


def torch(arch, batches, threads):
    peer = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer_forward.py")
    out = subprocess.run([sys.executable, peer, "--arch", arch, "--batch", *map(str, batches), "--threads", str(threads), "--seconds", "1", "--rounds", "5"],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return [{"batch": r["batch"], "cpu": r["cpu_best"], "wall": r["wall_best"]} for r in rows]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ventral", required=True)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--batch", type=int, nargs="+", default=[1, 4])
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--arch", nargs="+", default=list(NAMES))
    a = p.parse_args()
    print("| network | batch | CPU s | PyTorch | ratio | wall s | PyTorch | ratio | compile s | peak MiB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for arch in a.arch:
        ours, theirs = {}, {}
        for _ in range(a.rounds):
            for into, rows in ((ours, ventral(a.ventral, NAMES[arch], a.batch)), (theirs, torch(arch, a.batch, a.threads))):
                for row in rows:
                    for key, value in row.items():
                        into.setdefault((row["batch"], key), []).append(value)
        for b in a.batch:
            cpu, tcpu = min(ours[b, "cpu"]), min(theirs[b, "cpu"])
            wall, twall = min(ours[b, "wall"]), min(theirs[b, "wall"])
            print(f"| {arch} | {b} | {cpu:.2f} | {tcpu:.2f} | {cpu / tcpu:.2f} | {wall:.2f} | {twall:.2f} | {wall / twall:.2f} "
                  f"| {min(ours[b, 'compile']):.1f} | {max(ours[b, 'peak']):.0f} |", flush=True)


if __name__ == "__main__":
    main()
