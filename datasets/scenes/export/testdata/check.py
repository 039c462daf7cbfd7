"""Reads what `ventral datasets export` wrote with h5py, Pillow and numpy, and compares the formats with one another.

    ventral datasets export 'scenes?world=2&n=300&seed=1&split=val&size=48' --format voc --out DIR
    ventral datasets export 'scenes?world=2&n=300&seed=1&split=val&size=48' --format gtseg --out DIR
    python datasets/scenes/export/testdata/check.py DIR val
"""
import sys
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

root, split = Path(sys.argv[1]), sys.argv[2]
voc = root / "VOCdevkit" / "VOC2012"
ids = (voc / "ImageSets" / "Segmentation" / f"{split}.txt").read_text().split()
mat = h5py.File(root / "gtsegs_ijcv.mat", "r")
img, gt, names = mat["value/img"], mat["value/gt"], mat["value/id"]
assert len(img) == len(gt) == len(names) == len(ids), (len(img), len(ids))
far = 0
for k, name in enumerate(ids):
    picture = np.array(mat[img[k, 0]]).transpose(2, 1, 0)
    label = np.array(mat[mat[gt[k, 0]][0, 0]]).transpose(1, 0)
    assert "".join(map(chr, np.array(mat[names[k, 0]]).ravel())) == name
    assert set(np.unique(label)) <= {0, 1}
    photo = np.array(Image.open(voc / "JPEGImages" / f"{name}.jpg"))
    assert photo.shape == picture.shape
    far += abs(photo.astype(int) - picture).mean() > 12  # noise suffers from JPEG
    seg = Image.open(voc / "SegmentationClass" / f"{name}.png")
    assert seg.mode == "P"
    seg = np.array(seg)
    assert not (((seg > 0) & (seg < 255)) & (label == 0)).any() and not ((seg == 0) & (label == 1)).any()
print(f"{len(ids)} pictures agree; {far} differ by more than 12 levels from their JPEG")
