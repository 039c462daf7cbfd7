#!/usr/bin/env python3
"""Compares the committed expectations with a second implementation, ONNX Runtime: every operation of ops.safetensors and every tensor of the
networks. Needs onnx, onnxruntime (1.31.1 agreed), numpy and safetensors. Exit status 1 if anything is off."""
import glob
import os
import sys

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

DIR = os.environ.get("ONNX_OUT", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models", "onnx", "testdata"))
# ONNX Runtime takes local response normalisation over an odd number of channels only.
REFUSED = {"LRN"}
onnxruntime.set_default_logger_severity(4)
off = compared = 0


def compare(name, got, want):
    global off, compared
    compared += 1
    if got.shape != want.shape or not np.abs(got - want).max() <= 2e-5 * np.abs(want).max():
        off += 1
        print(name, "differs", got.shape, want.shape)


ops = load_file(os.path.join(DIR, "ops.safetensors"))
for key in sorted(k for k in ops if k.startswith("model/")):
    name = key[6:]
    if name not in REFUSED:
        y = onnxruntime.InferenceSession(ops[key].tobytes()).run(None, {"x": ops["in/" + name]})[0]
        compare(name, y.astype(np.float32), ops["out/" + name])
for path in sorted(glob.glob(os.path.join(DIR, "*.onnx"))):
    m, want = onnx.load(path), load_file(path[:-5] + ".safetensors")
    output = {o.name for o in m.graph.output}
    for n in m.graph.node:
        m.graph.output.extend(onnx.ValueInfoProto(name=o) for o in n.output if o and o not in output)
    session = onnxruntime.InferenceSession(m.SerializeToString())
    for i in range(2):
        for o, v in zip(session.get_outputs(), session.run(None, {"x": want["in"][i:i + 1]})):
            if f"{i}:{o.name}" in want:
                compare(f"{os.path.basename(path)} {o.name}", v, want[f"{i}:{o.name}"])
print(compared, "compared,", off, "off")
sys.exit(off > 0)
