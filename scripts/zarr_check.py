#!/usr/bin/env python3
"""Opens a recording with zarr-python, as any Python user would, and checks it.

    python scripts/zarr_check.py DIR [--json]

Needs the package zarr, 3.1 or later. Prints one line an array. With --json it prints, for every array, shape, data
type, dimension names, attributes and the SHA-256 of its values (numbers: little-endian bytes in C order; text: each
string's UTF-8 bytes followed by a zero byte), so that another reader can be compared with this one.

The exit status is 1 if anything is wrong: a warning from zarr, a chunk that is missing or damaged in a recording that
calls itself complete, rows that do not add up, IDs that come twice, values in a row without status ok.
"""
import argparse
import hashlib
import json
import sys
import warnings

import numpy as np
import zarr


def digest(a):
    if a.dtype.kind in "OTU":
        return hashlib.sha256(b"".join(str(s).encode() + b"\0" for s in a.reshape(-1))).hexdigest()
    return hashlib.sha256(np.ascontiguousarray(a.astype(a.dtype.newbyteorder("<"))).tobytes()).hexdigest()


def check(path):
    """Returns {array path: facts} and a list of what is wrong."""
    wrong = []
    root = zarr.open(path, mode="r")
    about = root.attrs["ventral"]
    n = about["length"]
    facts = {}
    for name, node in sorted(root.members(max_depth=None)):
        if not isinstance(node, zarr.Array):
            continue
        values = node[...]
        if values.shape[0] != n:
            wrong.append(f"{name}: {values.shape[0]} rows, the recording has {n}")
        if about["complete"] and node.nchunks_initialized != node.nchunks:
            wrong.append(f"{name}: {node.nchunks_initialized} of {node.nchunks} chunks are there")
        facts[name] = {
            "shape": list(values.shape),
            "dtype": "string" if values.dtype.kind in "OTU" else str(values.dtype),
            "dimensions": list(node.metadata.dimension_names or []),
            "attributes": dict(node.attrs),
            "sha256": digest(values),
        }
    status = root["stimuli/status"][...]
    ids = root["stimuli/id"][...]
    if about["complete"] and (status == 0).any():
        wrong.append(f"{int((status == 0).sum())} rows are missing in a complete recording")
    there = [str(i) for i, s in zip(ids, status) if s != 0]
    if len(set(there)) != len(there) or "" in there:
        wrong.append("IDs are empty or come twice")
    for spec in about["arrays"]:
        values = root[spec["name"]][...]
        if list(values.shape[1:]) != spec["shape"]:
            wrong.append(f"{spec['name']}: shape {values.shape}, the description says {spec['shape']} a stimulus")
        rest = values[status != 1]
        if values.dtype.kind == "f" and not np.isnan(rest).all() or values.dtype.kind == "i" and (rest != 0).any():
            wrong.append(f"{spec['name']}: rows that are not ok have values")
    return facts, wrong


def main():
    p = argparse.ArgumentParser(description="Check a recording with zarr-python.")
    p.add_argument("dir")
    p.add_argument("--json", action="store_true")
    args = p.parse_args()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        facts, wrong = check(args.dir)
    wrong += [f"warning: {w.message}" for w in seen]
    if args.json:
        print(json.dumps({"zarr": zarr.__version__, "arrays": facts, "wrong": wrong}))
    else:
        for name, f in facts.items():
            print(f"{name:50} {f['dtype']:9} {f['shape']} {f['sha256'][:12]}")
        for w in wrong:
            print("WRONG:", w)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
