"""Makes the reference files of this folder with NumPy: python make.py (numpy >= 1.25)."""
import json
import os

import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
rng = np.random.default_rng(7)
cases = {}


def plain(a):
    """Elements in C order as JSON can hold them: numbers as the hexadecimal bytes of their little-endian form."""
    flat = np.ascontiguousarray(a).reshape(-1)
    if a.dtype.kind in "US":
        return [x.decode("latin-1") if isinstance(x, bytes) else str(x) for x in flat]
    return flat.astype(a.dtype.newbyteorder("<")).tobytes().hex()


def save(name, a, version=None):
    with open(name + ".npy", "wb") as f:
        np.lib.format.write_array(f, a, version=version, allow_pickle=True)
    if a.dtype.kind != "O" and a.dtype.names is None and a.dtype.kind not in "MmV":
        cases[name] = {
            "shape": list(a.shape),
            "dtype": "str" if a.dtype.kind in "US" else a.dtype.newbyteorder("=").name,
            "values": plain(a),
            # what Go writes is what numpy.save writes: native order, C order, version 1.0, text as U
            "same_bytes": bool(a.flags.c_contiguous and a.dtype.str[0] in "<|" and version is None and a.dtype.kind != "S"),
        }


for t in ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]:
    raw = rng.integers(0, 256, size=12 * np.dtype(t).itemsize, dtype=np.uint8)
    if t == "?":
        raw &= 1
    a = np.frombuffer(raw.tobytes(), dtype=t).reshape(3, 4)
    n = np.dtype(t).name
    save(n, a)
    save(n + "_big", a.astype(a.dtype.newbyteorder(">")))
    save(n + "_fortran", np.asfortranarray(a))
save("scalar", np.array(2.5))
save("empty", np.zeros((0, 3), "f4"))
save("vector", np.arange(5.0))
save("rank4_fortran", np.asfortranarray(np.arange(120, dtype="i4").reshape(2, 3, 4, 5)))
save("text", np.array([["a", "bé", ""], ["日本", "x y", "🙂"]]))
save("text_big", np.array(["a", "bé"]).astype(">U3"))
save("text_fortran", np.asfortranarray(np.array([["a", "b"], ["c", "d"]])))
save("bytes", np.array([b"abc", b"", b"x\xe9"]))
save("version2", np.arange(3, dtype="f4"), version=(2, 0))
save("version3", np.arange(3, dtype="f4"), version=(3, 0))
# refused
save("objects", np.array([{"a": 1}, None], dtype=object))
save("structured", np.zeros(2, dtype=[("x", "f4"), ("y", "i4")]))
save("dates", np.zeros(2, dtype="M8[s]"))
save("void", np.zeros(2, dtype="V2"))

np.savez("plain.npz", a=np.arange(6, dtype="f4").reshape(2, 3), b=np.array(["x", "yy"]))
np.savez_compressed("packed.npz", a=np.arange(6, dtype="f4").reshape(2, 3), zeros=np.zeros(5000))
with open("cases.json", "w") as f:
    json.dump(cases, f, indent=0, sort_keys=True)

# float32 values around every boundary between halves with NumPy's rounding
h = np.arange(65536, dtype=np.uint16).view(np.float16)
f = h.astype(np.float32)
finite = np.sort(f[np.isfinite(f) & (f >= 0)].astype(np.float64))
mid = ((finite[:-1] + finite[1:]) / 2).astype(np.float32)
pick = rng.choice(len(mid), 4000, replace=False)
mid = np.concatenate([mid[pick], mid[:40], mid[-40:], np.float32([65519.99, 65520, 65536, 1e30, 0, 2**-25, 2**-24, 2**-14])])
probe = np.concatenate([mid, np.nextafter(mid, np.float32(np.inf)), np.nextafter(mid, np.float32(-np.inf)), -mid])
with np.errstate(over="ignore"):
    np.savez_compressed("single_to_half.npz", single=probe, half=probe.astype(np.float16))
