"""Makes the reference arrays of this folder with zarr-python: python make.py (zarr 3.1.6, numpy 2.4).

Every number array holds 0, 1, 2, ... of its type in C order (bool: odd positions true)."""
import os
import shutil

import numpy as np
import zarr
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ZstdCodec

os.chdir(os.path.dirname(os.path.abspath(__file__)))
shutil.rmtree("python.zarr", ignore_errors=True)
root = zarr.open_group("python.zarr", mode="w", zarr_format=3, attributes={"who": "zarr-python", "n": 3})


def put(name, dtype, shape, chunks, **kw):
    a = root.create_array(name, shape=shape, chunks=chunks, dtype=dtype, **kw)
    n = int(np.prod(shape))
    v = np.arange(n) % 2 == 1 if dtype == "bool" else np.arange(n).astype(dtype)
    a[...] = v.reshape(shape)
    return a


for t in "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split():
    put(t, t, (5,), (3,), compressors=None)
put("gzip", "int16", (5, 7), (2, 3), compressors=[GzipCodec(level=5)])
put("zstd", "float64", (5, 7), (2, 3), compressors=[ZstdCodec(level=3)])
put("zstd_checksum", "float64", (9,), (4,), compressors=[ZstdCodec(level=1, checksum=True)])
put("crc", "float32", (5, 7), (2, 3), compressors=[Crc32cCodec()])
put("zstd_crc", "float32", (5, 7), (2, 7), compressors=[ZstdCodec(level=0), Crc32cCodec()])
put("crc_zstd", "float32", (5, 7), (2, 7), compressors=[Crc32cCodec(), ZstdCodec(level=0)])
put("big", "int32", (5, 7), (2, 3), compressors=None, serializer=BytesCodec(endian="big"))
put("dots", "int32", (5, 7), (2, 3), compressors=None, chunk_key_encoding={"name": "default", "separator": "."})
put("v2keys", "int32", (5, 7), (2, 3), compressors=None, chunk_key_encoding={"name": "v2", "separator": "."})
put("scalar", "float64", (), (), compressors=None)
put("rank4", "int32", (3, 2, 5, 4), (2, 2, 2, 3), compressors=None, dimension_names=["stimulus", None, "y", "x"], attributes={"site": "a.b"})
blosc = put("blosc", "int32", (4,), (4,), compressors=[BloscCodec()])
holes = root.create_array("holes", shape=(6,), chunks=(2,), dtype="float32", fill_value=float("nan"), compressors=None)
holes[2:4] = [2, 3]
filled = root.create_array("filled", shape=(5, 2), chunks=(2, 2), dtype="int64", fill_value=-7, compressors=None)
filled[4:5] = [[8, 9]]
text = root.create_array("text", shape=(5,), chunks=(2,), dtype="str", compressors=[ZstdCodec(level=3), Crc32cCodec()], fill_value="none")
text[0:2] = np.array(["a", "bé\n"], dtype=object)
text[4:5] = np.array(["日本 🙂"], dtype=object)
shards = put("shards", "int32", (8,), (2,), shards=(4,))
zarr.open_group("consolidated.zarr", mode="w", zarr_format=3)
zarr.consolidate_metadata("consolidated.zarr")
