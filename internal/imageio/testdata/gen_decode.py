#!/usr/bin/env python3
"""Writes small procedural pictures in every format and, beside them, what Pillow decodes: FILE.png holds its RGB or RGBA.
   pip install pillow==13.0.0 numpy==2.4.6   (libjpeg-turbo 3.2.0, libwebp 1.6.0)"""
import json, os, struct, zlib
import numpy as np, PIL
from PIL import Image, ImageDraw, ImageOps

OUT = os.path.dirname(os.path.abspath(__file__))
cases = {}


def drawing(w, h):
    """smooth colours, hard coloured edges and thin lines"""
    y, x = np.mgrid[0:h, 0:w].astype(float)
    a = np.stack([127 + 120 * np.sin(x / 9), 127 + 120 * np.cos((x + 2 * y) / 13), 255 * y / max(h - 1, 1)], -1)
    im = Image.fromarray(np.clip(a, 0, 255).astype(np.uint8))
    d = ImageDraw.Draw(im)
    d.rectangle((w // 5, h // 5, w // 2, h // 2), fill=(255, 0, 0))
    if w > 9 and h > 9:
        d.ellipse((w // 2, h // 3, w - 3, h - 2), fill=(0, 60, 255))
    d.line((0, h - 1, w - 1, 0), fill=(0, 255, 0))
    return im


def alpha(w, h):
    y, x = np.mgrid[0:h, 0:w].astype(float)
    return Image.fromarray(np.clip(320 - 9 * np.hypot(x - w / 2, y - h / 2), 0, 255).astype(np.uint8))


def put(name, im=None, levels=0, expect=None, **kw):
    """save im (or take the file as it is) and record what Pillow reads back; levels = allowed difference"""
    path = f"{OUT}/{name}"
    if im is not None:
        im.save(path, **kw)
    with Image.open(path) as o:
        mode = o.mode
        o.load()
        ref = o if mode in ("RGBA", "RGB") else o.convert("RGBA" if mode in ("LA", "PA") or "transparency" in o.info and mode == "P" else "RGB")
        ref = expect or ref
        ref.save(f"{path}.png", optimize=True)
        cases[name] = {"mode": mode, "levels": levels, "size": list(o.size)}


base = drawing(61, 47)
for s, n in ((0, "444"), (1, "422"), (2, "420")):
    put(f"jpeg_{n}.jpg", base, 3, quality=80, subsampling=s)
put("jpeg_420_progressive.jpg", base, 3, quality=75, subsampling=2, progressive=True)
put("jpeg_grey.jpg", base.convert("L"), 3, quality=80)
put("jpeg_cmyk.jpg", base.convert("CMYK"), 1, quality=90)
put("jpeg_rgb.jpg", base, 3, quality=90, keep_rgb=True)
for w in (1, 2, 3, 4, 5, 6):
    put(f"jpeg_420_{w}x9.jpg", drawing(w, 9), 3, quality=80, subsampling=2)
    put(f"jpeg_422_{w}x3.jpg", drawing(w, 3), 3, quality=80, subsampling=1)
put("jpeg_420_9x1.jpg", drawing(9, 1), 3, quality=80, subsampling=2)


def resample_header(name, im, sub, old, new, w, h):
    """Pillow writes no 4:4:0 and no 4:1:1: take a file with as many blocks a unit and give it another header. The blocks
       land elsewhere, in both decoders alike."""
    f = f"{OUT}/{name}"
    im.save(f, "JPEG", quality=85, subsampling=sub)
    b = bytearray(open(f, "rb").read())
    i = b.index(b"\xff\xc0")
    b[i + 5:i + 9] = struct.pack(">HH", h, w)
    assert b[i + 11] == old
    b[i + 11] = new
    open(f, "wb").write(b)
    put(name, levels=3)


resample_header("jpeg_440.jpg", drawing(32, 16), 1, 0x21, 0x12, 15, 31)
resample_header("jpeg_440_2x31.jpg", drawing(16, 16), 1, 0x21, 0x12, 2, 31)
resample_header("jpeg_411.jpg", drawing(32, 32), 2, 0x22, 0x41, 31, 30)
for o in range(1, 9):
    ex = Image.Exif()
    ex[0x0112] = o
    put(f"exif_{o}.jpg", base.crop((0, 0, 24, 16)), 3, quality=90, subsampling=0, exif=ex)
    with Image.open(f"{OUT}/exif_{o}.jpg") as im:
        ImageOps.exif_transpose(im).save(f"{OUT}/exif_{o}.upright.png")
ex = Image.Exif(); ex[0x0112] = 6
put("exif_6.png", base.crop((0, 0, 24, 16)), exif=ex)
with Image.open(f"{OUT}/exif_6.png") as im:
    ImageOps.exif_transpose(im).save(f"{OUT}/exif_6.png.upright.png")
put("exif_6.webp", base.crop((0, 0, 24, 16)), lossless=True, exif=ex)

put("png_rgb.png", base)
put("png_grey.png", base.convert("L"))
put("png_rgba.png", Image.merge("RGBA", base.split() + (alpha(61, 47),)))
put("png_la.png", Image.merge("LA", (base.convert("L"), alpha(61, 47))))
put("png_1bit.png", base.convert("1"))
p = base.quantize(12, dither=Image.Dither.NONE)
put("png_palette.png", p)
put("png_palette_trns.png", p, transparency=bytes([0, 80, 160] + [255] * 9))

raw = np.random.default_rng(5).integers(0, 65536, (11, 17, 3)).astype(np.uint16)
chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
open(f"{OUT}/png_rgb16.png", "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 17, 11, 16, 2, 0, 0, 0)) +
                                        chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r.astype(">u2").tobytes() for r in raw))) + chunk(b"IEND", b""))
put("png_rgb16.png")

# GIF: the first frame is smaller than the canvas and has a transparent index; then the same without; a grey ramp
frame = p.crop((10, 5, 50, 40))
pal = bytes(p.getpalette()[:48]).ljust(48, b"\0")


def gif(name, trans):
    f = f"{OUT}/tmp.gif"
    frame.save(f)
    b = open(f, "rb").read()
    os.remove(f)
    i = b.index(b"\x2c")                                       # the image descriptor; give it an offset and a larger canvas
    image = b[i:i + 1] + struct.pack("<HHHH", 10, 5, 40, 35) + b[i + 9:]
    head = b"GIF89a" + struct.pack("<HH", 61, 47) + b[10:13] + b[13:13 + (3 << (b[10] & 7) + 1)]
    ext = b"\x21\xf9\x04" + bytes([1 if trans >= 0 else 0, 0, 0, max(trans, 0)]) + b"\0"
    open(f"{OUT}/{name}", "wb").write(head + ext + image)
    put(name)


gif("gif_offset_transparent.gif", 4)
gif("gif_offset.gif", -1)
put("gif_grey.gif", base.convert("L"))

put("bmp_rgb.bmp", base)
put("bmp_grey.bmp", base.convert("L"))
put("bmp_1bit.bmp", base.convert("1"))
put("bmp_palette.bmp", base.quantize(200))
for c in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
    put(f"tiff_{c}.tif", base, compression=c)
put("tiff_grey.tif", base.convert("L"))
put("tiff_palette.tif", base.quantize(100))
put("tiff_rgba.tif", Image.merge("RGBA", base.split() + (alpha(61, 47),)))

put("webp_lossy.webp", base, quality=80)
put("webp_lossy_even.webp", drawing(64, 48), quality=60)
for w in (1, 2, 3):
    put(f"webp_lossy_{w}x5.webp", drawing(w, 5), quality=80)
put("webp_lossless.webp", base, lossless=True)
put("webp_alpha.webp", Image.merge("RGBA", base.split() + (alpha(61, 47),)), quality=80, exact=True)
put("webp_alpha_lossless.webp", Image.merge("RGBA", base.split() + (alpha(61, 47),)), lossless=True, exact=True)
json.dump({"pillow": PIL.__version__, "cases": cases}, open(f"{OUT}/decode.json", "w"), indent=0)
print(len(cases), "files")
