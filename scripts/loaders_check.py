#!/usr/bin/env python3
"""Check Ventral's loaders against the programs that others write their data with.

    python -m venv venv && venv/bin/pip install numpy scipy h5py nibabel Pillow safetensors
    venv/bin/python scripts/loaders_check.py make            # writes the small files that the Go tests read (testdata folders)
    ventral datasets export 'subject?training=40&test=10' --format algonauts --out out/check
    ventral datasets export 'probe?world=2&factor=ground&n=8' --format gtseg --out out/check
    ventral datasets export 'scenes?world=2&n=8&split=val' --format voc --out out/check
    venv/bin/python scripts/loaders_check.py read out/check  # reads what Ventral wrote, as the users of those data sets do

The values in the files of `make` follow from their indices, so that the tests know them without reading this script's mind:
element i of an array in row-major order is i, modulo what its type holds.
"""
import argparse
import io
import json
import os
import pickle
import re
import struct
import sys
from pathlib import Path

import h5py
import nibabel
import numpy as np
import safetensors.numpy
import scipy.io
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
LABELS = {0: "Unknown", 1: "V1v", 2: "V1d", 3: "V2v", 4: "V2d", 5: "V3v", 6: "V3d", 7: "hV4"}


def folder(name):
    path = ROOT / name / "testdata"
    path.mkdir(parents=True, exist_ok=True)
    return path


def count(shape, dtype):
    n = int(np.prod(shape))
    a = np.arange(n)
    if np.dtype(dtype).itemsize == 1:
        a %= 128
    return a.reshape(shape).astype(dtype)


def object_npy(value, protocol):
    """What numpy.save writes for a Python object, in a pickle protocol of choice."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "|O", "fortran_order": False, "shape": ()})
    array = np.empty((), dtype=object)
    array[()] = value
    pickle.dump(array, out, protocol=protocol)
    return out.getvalue()


class Call:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def make_pickle():
    d = folder("internal/pickle")
    np.save(d / "numpy_save.npy", LABELS)
    for protocol in range(6):
        (d / f"protocol{protocol}.npy").write_bytes(object_npy(LABELS, protocol))
    (d / "numpy_keys.npy").write_bytes(object_npy({np.int64(k): v for k, v in LABELS.items()}, 4))
    (d / "int16_keys.npy").write_bytes(object_npy({np.int16(k - 3): v for k, v in LABELS.items()}, 2))
    (d / "empty.npy").write_bytes(object_npy({}, 4))
    old = object_npy(LABELS, 4).replace(b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray")
    frame = old.index(b"\x80\x04\x95") + 3
    (size,) = struct.unpack("<Q", old[frame : frame + 8])
    (d / "numpy1.npy").write_bytes(old[:frame] + struct.pack("<Q", size - 1) + old[frame + 8 :])
    # What must be refused.
    for name, value in {
        "call_system": {1: Call(os.system, "echo called")},
        "call_eval": Call(eval, "1"),
        "call_key": {Call(int, "1"): "V1v"},
        "call_object": {1: Path("/")},
        "call_regex": {1: re.compile("x")},
        "bad_list": [1, 2],
        "bad_value": {1: 2},
        "bad_key": {"a": "V1v"},
        "bad_nested": {1: {2: "V1v"}},
        "bad_float": {1.5: "V1v"},
    }.items():
        for protocol in (0, 2, 4):
            (d / f"{name}_{protocol}.npy").write_bytes(object_npy(value, protocol))
    np.save(d / "bad_array.npy", np.array([LABELS, LABELS], dtype=object))
    np.save(d / "bad_numbers.npy", np.arange(4))


def make_hdf5():
    d = folder("internal/hdf5")
    with h5py.File(d / "plain.h5", "w") as f:
        for kind in ("u1", "i1", "<i2", ">i2", "<u4", ">i8", "<f2", "<f4", ">f4", "<f8", ">f8"):
            name = kind.replace("<", "little_").replace(">", "big_")
            f[f"types/{name}"] = count((3, 4), kind) - (5 if "u" not in kind else 0)
        f["scalar"] = np.float64(2.5)
        f["bool"] = np.array([True, False, True])
        f["text"] = np.array(b"hello")
        f["wide"] = np.frombuffer("Zürich".encode("utf-16-le"), dtype="<u2").reshape(-1, 1)
        f["empty"] = np.zeros((0, 3), dtype="f4")
        f.create_dataset("unwritten", (4, 2), dtype="i4", fillvalue=7)
        f.create_dataset("compact", data=count((2, 2), "u1"))
        group = f.create_group("many")
        for i in range(100):
            group[f"member{i:03d}"] = i
        refs = f.create_dataset("refs", (2, 1), dtype=h5py.ref_dtype)
        refs[0, 0] = f["scalar"].ref
        refs[1, 0] = f["types"].ref
        f.create_dataset("null_ref", (1,), dtype=h5py.ref_dtype)
        f["compound"] = np.zeros(2, dtype=[("a", "i4"), ("b", "f4")])
        f.create_dataset("variable", data=["a", "bc"], dtype=h5py.string_dtype())
        f.create_dataset("lzf", data=count((64,), "i4"), chunks=(16,), compression="lzf")
    with h5py.File(d / "chunked.h5", "w", userblock_size=1024) as f:
        f.create_dataset("gzip", data=count((13, 7), "i4"), chunks=(4, 3), compression="gzip")
        f.create_dataset("all", data=count((11, 5, 3), "f8"), chunks=(3, 2, 2), compression="gzip", shuffle=True, fletcher32=True)
        f.create_dataset("sum", data=count((50,), "<i2"), chunks=(8,), fletcher32=True)
        f.create_dataset("plain", data=count((9, 9), "u1"), chunks=(2, 9))
        part = f.create_dataset("part", (10, 10), dtype="i2", chunks=(3, 3), fillvalue=-1)
        part[4:6, 2:7] = 5
    with h5py.File(d / "latest.h5", "w", libver="latest") as f:
        f["group/contiguous"] = count((4, 3), "f4")
        f.create_dataset("single", data=count((6, 2), "i4"), chunks=(6, 2), compression="gzip")
        f.create_dataset("indexed", data=count((60, 2), "i4"), chunks=(6, 2))
        dense = f.create_group("dense")
        for i in range(20):
            dense[f"m{i}"] = i
    with h5py.File(d / "v18.h5", "w", libver=("v108", "v108")) as f:
        f["group/contiguous"] = count((4, 3), "f4")
        f.create_dataset("gzip", data=count((13, 7), "i4"), chunks=(4, 3), compression="gzip")


def make_nifti():
    d = folder("internal/nifti")
    affine = np.array([[-2.0, 0, 0, 90], [0, 0, 3.0, -126], [0, -1.5, 0, 72], [0, 0, 0, 1]])
    for kind in ("u1", "i2", "i4", "f4"):
        nibabel.save(nibabel.MGHImage(count((4, 3, 2, 2), kind), affine), d / f"{kind}.mgh")
    nibabel.save(nibabel.MGHImage(count((50, 1, 1, 3), "f4"), affine), d / "surface.mgz")
    for kind in ("u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8"):
        nibabel.save(nibabel.Nifti1Image(count((4, 3, 2, 2), kind), affine), d / f"{kind}.nii.gz")
    nibabel.save(nibabel.Nifti1Image(count((4, 3, 2), "i2"), affine), d / "three.nii")
    image = nibabel.Nifti1Image(count((4, 3, 2, 2), "f4") / 8 - 1, affine)
    image.set_data_dtype("i2")
    nibabel.save(image, d / "scaled.nii.gz")
    big = nibabel.Nifti1Image(count((4, 3, 2, 2), "i2"), affine)
    nibabel.save(nibabel.Nifti1Image(big.dataobj, affine, big.header.as_byteswapped(">")), d / "big.nii")
    nibabel.save(nibabel.Nifti2Image(count((2, 2, 2), "i2"), affine), d / "nifti2.nii")
    wanted = {}
    for path in sorted(d.iterdir()):
        if path.name in ("expected.json", "nifti2.nii", "fuzz"):
            continue
        image = nibabel.load(path)
        data = np.asarray(image.get_fdata(dtype=np.float64))
        shape = list(data.shape) + [1] * (4 - data.ndim)
        wanted[path.name] = {"dims": shape, "data": data.reshape(-1, order="F").tolist(), "affine": image.affine.tolist()}
    (d / "expected.json").write_text(json.dumps(wanted) + "\n")


def make_nsd():
    d = folder("datasets/nsd")
    design = d / "nsddata/experiments/nsd"
    design.mkdir(parents=True, exist_ok=True)
    # 250 pictures, three times each: trial t (from 0) shows picture 7 t modulo 250.
    order = (7 * np.arange(750) % 250 + 1).reshape(1, -1)
    pictures = np.stack([np.arange(250) * 3 + 1, np.arange(250) * 3 + 2]).astype("f8")
    scipy.io.savemat(design / "nsd_expdesign.mat", {"masterordering": order.astype("f8"), "subjectim": pictures, "sharedix": np.arange(1, 11, dtype="f8"),
                     "note": "text", "cells": np.array([[1, "a"]], dtype=object)}, do_compression=True)
    scipy.io.savemat(d / "plain.mat", {"masterordering": order.astype("u2"), "subjectim": pictures.astype("i4"), "x": np.float32([[1.5, 2], [3, 4]]), "one": 7,
                     "imaginary": np.array([1j])})
    betas = d / "nsddata_betas/ppdata/subj01/fsaverage/betas_fithrf_GLMdenoise_RR"
    betas.mkdir(parents=True, exist_ok=True)
    for session in (1, 2):
        data = (np.arange(6)[:, None] * 1000 + np.arange(750) + 10000 * session).reshape(6, 1, 1, 750).astype("f4")
        nibabel.save(nibabel.MGHImage(data, np.eye(4)), betas / f"lh.betas_session{session:02d}.mgz")
        # The data set's surfaces are not compressed; here they are, and renamed, to stay small: the reader goes by content.
        (betas / f"lh.betas_session{session:02d}.mgz").rename(betas / f"lh.betas_session{session:02d}.mgh")
    nibabel.save(nibabel.MGHImage(np.linspace(0, 1, 6).reshape(6, 1, 1).astype("f4"), np.eye(4)), betas / "lh.ncsnr.mgh")
    volume = d / "nsddata_betas/ppdata/subj01/func1pt8mm/betas_fithrf_GLMdenoise_RR"
    volume.mkdir(parents=True, exist_ok=True)
    data = (np.arange(12)[:, None] * 100 + np.arange(750)).reshape(3, 2, 2, 750, order="C").astype("i2")
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), volume / "betas_session01.nii.gz")
    packed = d / "nsddata_betas/ppdata/subj01/func1mm/betas_fithrf_GLMdenoise_RR"
    packed.mkdir(parents=True, exist_ok=True)
    with h5py.File(packed / "betas_session01.hdf5", "w") as f:
        f.create_dataset("betas", data=data.transpose(3, 2, 1, 0), chunks=(50, 2, 2, 3), compression="gzip")
    stimuli = d / "nsddata_stimuli/stimuli/nsd"
    stimuli.mkdir(parents=True, exist_ok=True)
    with h5py.File(stimuli / "nsd_stimuli.hdf5", "w") as f:
        f["imgBrick"] = count((4, 6, 5, 3), "u1")


def make_voc():
    d = folder("datasets/voc") / "VOCdevkit/VOC2012"
    for sub in ("JPEGImages", "SegmentationClass", "SegmentationObject", "ImageSets/Segmentation"):
        (d / sub).mkdir(parents=True, exist_ok=True)
    palette = []
    for i in range(256):
        rgb, c = [0, 0, 0], i
        for bit in range(7, -1, -1):
            for channel in range(3):
                rgb[channel] |= (c >> channel & 1) << bit
            c >>= 3
        palette += rgb
    ids = ["2007_000032", "2007_000039", "2011_003256"]
    for k, name in enumerate(ids):
        w, h = 20 + k, 12
        Image.new("RGB", (w, h), (40 * k, 90, 200)).save(d / "JPEGImages" / f"{name}.jpg", quality=95)
        labels = np.zeros((h, w), dtype="u1")
        labels[2:8, 3:10] = 15
        labels[2:8, 9] = 255
        labels[6:10, 12:18] = 1 + k
        objects = np.where(labels == 255, 255, np.where(labels == 15, 1, np.where(labels > 0, 2, 0))).astype("u1")
        for sub, array in (("SegmentationClass", labels), ("SegmentationObject", objects)):
            image = Image.frombytes("P", (w, h), array.tobytes())
            image.putpalette(palette)
            image.save(d / sub / f"{name}.png")
    lists = d / "ImageSets/Segmentation"
    (lists / "train.txt").write_text(ids[0] + "\n")
    (lists / "val.txt").write_text("\n".join(ids[1:]) + "\n")
    (lists / "trainval.txt").write_text("\n".join(ids) + "\n")


def make_gtseg():
    d = folder("datasets/gtseg")

    def write(name, label=lambda i, w, h: (count((w, h), "u1") % (2 + i) == 0).astype("u1"), loop=False, missing=0):
        with h5py.File(d / name, "w", userblock_size=512) as f:
            hidden = f.create_group("#refs#")
            img = f.create_dataset("value/img", (3, 1), dtype=h5py.ref_dtype)
            gt = f.create_dataset("value/gt", (3 - missing, 1), dtype=h5py.ref_dtype)
            for i in range(3):
                w, h = 5 + i, 4
                hidden.create_dataset(f"i{i}", data=count((3, w, h), "u1"), compression="gzip" if i else None)
                img[i, 0] = hidden[f"i{i}"].ref
                cell = hidden.create_dataset(f"c{i}", (1, 1), dtype=h5py.ref_dtype)
                if loop and i == 1:
                    cell[0, 0] = cell.ref
                else:
                    hidden[f"l{i}"] = label(i, w, h)
                    cell[0, 0] = hidden[f"l{i}"].ref
                if i < 3 - missing:
                    gt[i, 0] = cell.ref
        block = f"MATLAB 7.3 MAT-file, made by loaders_check.py".ljust(116).encode() + bytes(8) + struct.pack("<H", 0x0200) + b"IM"
        with open(d / name, "r+b") as f:
            f.write(block)

    write("gtsegs_ijcv.mat")
    write("loop.mat", loop=True)
    write("missing.mat", missing=1)
    write("range.mat", label=lambda i, w, h: count((w, h), "u1") % 3)
    write("size.mat", label=lambda i, w, h: np.zeros((h, w), "u1"))


def make_features():
    d = folder("datasets/features")
    ids = [f"im{i}" for i in (3, 1, 2, 0)]
    x = count((4, 5), "f4")
    np.savez_compressed(d / "features.npz", features=x, ids=np.array(ids))
    np.savez(d / "two.npz", a=x, b=x + 1, ids=np.array(ids))
    np.save(d / "plain.npy", np.asfortranarray(x.astype("f8")))
    np.save(d / "named.npy", x.astype(">f4"))
    (d / "named.npy.ids.txt").write_text("\n".join(ids) + "\n")
    np.save(d / "tensor.npy", count((4, 2, 3), "f4"))
    y = x.copy()
    y[2, 3] = np.nan
    np.savez(d / "nan.npz", features=y, ids=np.array(ids))
    np.savez(d / "twice.npz", features=x, ids=np.array(["a", "b", "a", "c"]))
    np.savez(d / "short.npz", features=x, ids=np.array(["a", "b", "c"]))
    safetensors.numpy.save_file({"features": x}, d / "features.safetensors", metadata={"ids": json.dumps(ids)})


def make_algonauts():
    d = folder("datasets/algonauts")
    for name, a in {
        "c4": count((5, 7), "<f4"),
        "fortran4": np.asfortranarray(count((5, 7), "<f4")),
        "big8": count((5, 7), ">f8"),
        "fortran8": np.asfortranarray(count((5, 7), "<f8")),
        "half": count((5, 7), "<f2"),
    }.items():
        np.save(d / f"{name}.npy", a)
    with open(d / "version2.npy", "wb") as f:
        np.lib.format.write_array(f, count((5, 7), "<f4"), version=(2, 0))
    np.save(d / "integers.npy", count((5, 7), "i4"))
    np.save(d / "vector.npy", count((35,), "f4"))


def make(_):
    for f in (make_pickle, make_hdf5, make_nifti, make_nsd, make_voc, make_gtseg, make_features, make_algonauts):
        f()
    print("written below", ROOT)


def check(ok, what):
    if not ok:
        sys.exit(f"FAILED: {what}")
    print("ok", what)


def read_subject(subject):
    """As the challenge's own tutorial reads a subject, and with the truth beside it."""
    name = subject.name
    images = sorted(os.listdir(subject / "training_split/training_images"))
    for split in ("training", "test"):
        files = sorted(os.listdir(subject / f"{split}_split/{split}_images"))
        for h in ("lh", "rh"):
            fmri = np.load(subject / f"{split}_split/{split}_fmri/{h}_{split}_fmri.npy")
            check(fmri.dtype == np.float32 and fmri.shape[0] == len(files), f"{name}: {h} {split} responses are float32, a row a picture")
    check(all(re.fullmatch(r"train-\d{4}_nsd-\d{5}\.png", i) for i in images), f"{name}: names of pictures")
    check(Image.open(subject / "training_split/training_images" / images[0]).mode in ("RGB", "RGBA"), f"{name}: pictures open")
    truth = np.load(subject / "simulation/truth.npz")
    for h in ("lh", "rh"):
        every = np.load(subject / f"roi_masks/{h}.all-vertices_fsaverage_space.npy")
        vertices = np.where(every)[0]
        check(every.shape == (163842,) and np.array_equal(vertices, truth[f"{h}_vertices"]), f"{name}: {h} mask of all vertices")
        for c in ("prf-visualrois", "floc-bodies", "floc-faces", "floc-places", "floc-words", "streams"):
            mapping = np.load(subject / f"roi_masks/mapping_{c}.npy", allow_pickle=True).item()
            part = np.load(subject / f"roi_masks/{h}.{c}_challenge_space.npy")
            full = np.load(subject / f"roi_masks/{h}.{c}_fsaverage_space.npy")
            check(np.array_equal(full[vertices], part) and np.count_nonzero(full) == np.count_nonzero(part) and set(part) <= set(mapping), f"{name}: {h} {c}")
            if c != "streams":
                label = {v: k for k, v in mapping.items()}
                inside = np.array([r in label for r in truth[f"{h}_regions"]])
                check(np.array_equal(part[inside], [label[r] for r in truth[f"{h}_regions"][inside]]) and not part[~inside].any(), f"{name}: {h} {c} are the truth's regions")
        for split in ("training", "test"):
            y = np.load(subject / f"{split}_split/{split}_fmri/{h}_{split}_fmri.npy").astype(float)
            signal = truth[f"{split}_features"] @ truth[f"{h}_weights"]
            alive = truth[f"{h}_ncsnr"] > 0
            z = lambda a: (a - a.mean(0)) / a.std(0)
            r = (z(signal[:, alive]) * z(y[:, alive])).mean(0)
            variance = signal[:, alive].var(0)
            ceiling = variance / (variance + 1 / (truth[f"{h}_ncsnr"][alive] ** 2 * 3))
            check(abs(np.mean(r) - np.mean(np.sqrt(ceiling))) < 3 / np.sqrt(alive.sum() * len(y)) + 0.02,
                  f"{name}: {h} {split} responses reach their ceilings: mean r {np.mean(r):.3f}, ceiling {np.mean(np.sqrt(ceiling)):.3f}")
            if split == "test":
                written = np.load(subject / f"test_split/noise_ceiling/{h}_noise_ceiling.npy")
                check(np.allclose(written[alive], ceiling, atol=1e-5) and not written[~alive].any(), f"{name}: {h} noise ceilings")


def read_gtseg(path):
    with h5py.File(path, "r") as f:
        n = len(f["value/img"])
        for i in range(n):
            image = np.array(f[f["value/img"][i, 0]]).transpose((2, 1, 0))
            label = np.array(f[f[f["value/gt"][i, 0]][0, 0]]).transpose((1, 0))
            check(image.dtype == np.uint8 and image.shape[2] == 3 and label.shape == image.shape[:2] and set(np.unique(label)) <= {0, 1}, f"{path.name}: picture {i}")


def read_voc(root):
    for path in sorted((root / "ImageSets/Segmentation").glob("*.txt")):
        for name in path.read_text().split():
            image, label = Image.open(root / f"JPEGImages/{name}.jpg"), Image.open(root / f"SegmentationClass/{name}.png")
            check(label.mode == "P" and label.size == image.size and set(np.unique(np.array(label))) <= {*range(21), 255}, f"VOC {path.stem} {name}")


def read(args):
    out = Path(args.folder)
    found = False
    for subject in sorted(out.glob("subj[0-9][0-9]")):
        read_subject(subject)
        found = True
    if (out / "gtsegs_ijcv.mat").exists():
        read_gtseg(out / "gtsegs_ijcv.mat")
        found = True
    if (out / "VOCdevkit/VOC2012").exists():
        read_voc(out / "VOCdevkit/VOC2012")
        found = True
    check(found, f"something to read in {out}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    commands.add_parser("make", help="write the testdata folders").set_defaults(run=make)
    reader = commands.add_parser("read", help="read what ventral wrote")
    reader.add_argument("folder")
    reader.set_defaults(run=read)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
