#!/usr/bin/env python3
"""Writes resize.json: CRC-32 of what Pillow makes of small pictures, for every mode, filter and a range of sizes.
   The pictures are made by the few lines of `noise`, which the Go test repeats.  pip install pillow==13.0.0 numpy==2.4.6"""
import json, os, zlib
import numpy as np, PIL
from PIL import Image

FILTERS = {"nearest": 0, "box": 4, "bilinear": 2, "bicubic": 3, "lanczos": 1}
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4, "CMYK": 4, "P": 1, "I;16": 2}
SIZES = [(37, 23, 16, 16), (16, 16, 37, 23), (64, 48, 64, 20), (64, 48, 20, 48), (50, 50, 50, 50), (1, 1, 9, 7), (9, 7, 1, 1),
         (300, 5, 31, 4), (5, 300, 3, 31), (97, 61, 96, 60), (13, 11, 200, 150), (640, 480, 298, 224), (500, 375, 71, 53),
         (60, 90, 30, 30), (60, 91, 30, 30), (40, 300, 224, 120), (70, 71, 70, 40)]   # either side of Pillow 13's rule for the order of the passes


def noise(n, hard):
    """n bytes of a linear congruential generator; hard: only 0 and 255, whose edges make every filter overshoot"""
    out, x = bytearray(n), 12345
    for i in range(n):
        x = (1103515245 * x + 12345) & 0x7FFFFFFF
        v = x >> 16 & 255
        out[i] = (255 if v > 127 else 0) if hard else v
    return bytes(out)


cases = []
for mode, ch in CHANNELS.items():
    for w, h, ow, oh in SIZES:
        for hard in (False, True):
            data = noise(w * h * ch, hard)
            if mode == "I;16":
                im = Image.fromarray(np.frombuffer(data, "<u2").reshape(h, w))
                assert im.mode == mode
            else:
                im = Image.frombytes(mode, (w, h), data)
            if mode == "P":
                im.putpalette(bytes(range(256)) * 3)
            for name, f in FILTERS.items():
                out = im.resize((ow, oh), f)
                raw = np.asarray(out).astype("<u2").tobytes() if mode == "I;16" else out.tobytes()
                cases.append([mode, w, h, ow, oh, int(hard), name, zlib.crc32(raw)])

# conversions of a 64x48 picture to RGB
conv = {}
for mode, ch in (("RGBA", 4), ("CMYK", 4), ("L", 1)):
    im = Image.frombytes(mode, (64, 48), noise(64 * 48 * ch, False))
    conv[mode] = zlib.crc32(im.convert("RGB").tobytes())
    if mode == "RGBA":
        conv["RGBA on white"] = zlib.crc32(Image.alpha_composite(Image.new("RGBA", im.size, (255,) * 4), im).convert("RGB").tobytes())
        conv["RGBA to RGBa"] = zlib.crc32(im.convert("RGBa").tobytes())
im = Image.fromarray(np.frombuffer(noise(64 * 48 * 2, False), "<u2").reshape(48, 64))
conv["I;16"] = zlib.crc32(im.convert("RGB").tobytes())
json.dump({"pillow": PIL.__version__, "columns": ["mode", "w", "h", "out w", "out h", "hard", "filter", "crc32"], "cases": cases, "convert": conv},
          open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "resize.json"), "w"), separators=(",", ":"))
print(len(cases), "cases", PIL.__version__)
