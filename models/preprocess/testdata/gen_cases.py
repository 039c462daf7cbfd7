#!/usr/bin/env python3
"""Writes cases.json: SHA-256 of the 8-bit RGB picture after each preprocessing, made with Pillow alone, and the procedural
   pictures that are missing in src/. The four recipes restate torchvision's Resize and CenterCrop, OpenAI's and open_clip's
   order (resize, then RGB), torchvision's, timm's and Hugging Face 4.57's (RGB, then resize) and Hugging Face 5.23's (over white).
   pip install pillow==13.0.0 numpy==2.4.6
   golden.json beside it is another source: torchvision 0.29.2, open_clip 3.3.0 and timm 1.0.31 themselves, on the same Pillow."""
import hashlib, json, math, os, struct, zlib
import numpy as np, PIL
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = HERE + "/src/"


def waves(w, h, n=3, k=1.0):
    y, x = np.mgrid[0:h, 0:w].astype(float)
    a = np.stack([127.5 + 127.5 * np.sin(k * (x / (7 + 2 * c) + y / (11 - 2 * c)) + c) for c in range(n)], -1)
    a[(x // 9 + y // 7) % 5 == 0] = [255, 0, 40, 90][:n]
    return np.clip(np.round(a), 0, 255).astype(np.uint8)


def png16(path, a):
    h, w = a.shape[:2]
    ct = 2 if a.ndim == 3 else 0
    raw = b"".join(b"\0" + a[i].astype(">u2").tobytes() for i in range(h))
    ch = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n" + ch(b"IHDR", struct.pack(">IIBBBBB", w, h, 16, ct, 0, 0, 0)) + ch(b"IDAT", zlib.compress(raw, 9)) + ch(b"IEND", b""))


def sources():
    save = lambda name, im, **k: im.save(SRC + name, **k)
    rgb = Image.fromarray(waves(113, 84))
    save("grey.png", rgb.convert("L"))
    save("rgba.png", Image.fromarray(waves(113, 84, 4)))
    save("grey_alpha.png", Image.fromarray(waves(113, 84, 2), "LA"))
    p = rgb.quantize(24, dither=Image.Dither.NONE)
    save("palette.png", p)
    save("palette_trns.png", p, transparency=bytes([0, 50, 128, 200] + [255] * 20))
    save("tall_70x300.png", Image.fromarray(waves(70, 300)))
    save("tall_230x500.png", Image.fromarray(waves(230, 500, k=0.3)))          # taller than twice its width and reduced: Pillow 13 resamples its columns first
    save("odd_345x251.png", Image.fromarray(waves(345, 251, k=0.5)))           # crop offset 41.5 at 224
    save("exact_224x224.png", Image.fromarray(waves(224, 224, k=0.4)))
    save("one_1x1.png", Image.new("RGB", (1, 1), (200, 30, 77)))
    save("long_20000x10.png", Image.fromarray(np.tile(waves(200, 10), (1, 100, 1))), optimize=True)
    save("webp_lossy.webp", Image.fromarray(waves(150, 101, k=0.3)), quality=70)
    png16(SRC + "grey16.png", waves(60, 50, 1)[..., 0].astype(np.uint16) * 257 - 100 * (waves(60, 50, 1)[..., 0] > 0))
    png16(SRC + "rgb16.png", waves(60, 50).astype(np.uint16) * 255 + 77)


def target(w, h, size, squash):
    if squash:
        return size, size
    return (size, int(size * h / w)) if w <= h else (int(size * w / h), size)


def white(im):
    im = im.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", im.size, (255,) * 4), im).convert("RGB")


def prepare(im, s):
    if s["order"] == "rgb-first":
        im = im.convert("RGB")
    if s["order"] == "rgb-first-white":
        im = im.convert("RGB") if im.mode in ("RGB", "I;16") else white(im)
    w, h = target(*im.size, s["target"], s.get("squash", False))
    im = im.resize((w, h), getattr(Image, s["interpolation"].upper()))
    n = s["size"]
    off = (lambda d: d // 2) if s["crop_rounding"] == "floor" else (lambda d: int(round(d / 2.0)))
    x, y = off(w - n), off(h - n)
    return im.crop((x, y, x + n, y + n)).convert("RGB")


SPECS = {
    "clip224": dict(size=224, target=224, interpolation="bicubic", order="resize-first", crop_rounding="half-even"),
    "hf-clip224": dict(size=224, target=224, interpolation="bicubic", order="rgb-first", crop_rounding="floor"),
    "imagenet224": dict(size=224, target=256, interpolation="bilinear", order="rgb-first", crop_rounding="half-even"),
    "imagenet224-bicubic": dict(size=224, target=256, interpolation="bicubic", order="rgb-first", crop_rounding="half-even"),
    "nasnet331": dict(size=331, target=math.floor(331 / 0.911), interpolation="bicubic", order="rgb-first", crop_rounding="half-even"),
    "plain64": dict(size=64, target=64, interpolation="bicubic", order="rgb-first-white", crop_rounding="half-even"),
    "squash": dict(size=48, target=48, interpolation="lanczos", order="rgb-first", crop_rounding="half-even", squash=True),
    "box": dict(size=40, target=45, interpolation="box", order="rgb-first-white", crop_rounding="half-even"),
    "caffe224": dict(size=224, target=224, interpolation="nearest", order="rgb-first", crop_rounding="half-even", squash=True),  # keras.utils.load_img
    "nearest": dict(size=40, target=43, interpolation="nearest", order="resize-first", crop_rounding="floor"),
}
if __name__ == "__main__":
    sources()
    cases = []
    for f in sorted(os.listdir(SRC)):
        for name, s in SPECS.items():
            with Image.open(SRC + f) as im:
                im.load()
                if f.startswith("long") and name not in ("clip224", "squash", "nearest"):
                    continue
                cases.append([f, name, hashlib.sha256(prepare(im, s).tobytes()).hexdigest()])
    levels = {}
    for name, m, sd in (("clip224", (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)), ("imagenet224", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
                        ("nasnet331", (0.5,) * 3, (0.5,) * 3)):
        x = np.arange(256, dtype=np.float32) / np.float32(255)
        v = (x[None] - np.float32(m)[:, None]) / np.float32(sd)[:, None]      # torch's order: float32 throughout
        assert v.dtype == np.float32
        levels[name] = hashlib.sha256(v.astype("<f4").tobytes()).hexdigest()
    v = np.arange(256, dtype=np.float32)[None] - np.float32((123.68, 116.779, 103.939))[:, None]      # keras' preprocess_input, mode "caffe", as R, G, B
    levels["caffe224"] = hashlib.sha256(v.astype("<f4").tobytes()).hexdigest()
    json.dump({"pillow": PIL.__version__, "specs": SPECS, "levels": levels, "cases": cases}, open(HERE + "/cases.json", "w"), indent=0)
    print(len(cases), "cases")
