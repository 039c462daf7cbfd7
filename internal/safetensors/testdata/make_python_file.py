"""Writes python.safetensors with the safetensors package (0.8.0, numpy 2.4.6): every dtype, a scalar, an empty tensor, metadata."""
import struct
import numpy as np
from safetensors import TensorSpec, serialize_file

buffers = []  # TensorSpec keeps an address only


def entry(dtype, shape, data):
    buffer = np.frombuffer(data, np.uint8)
    buffers.append(buffer)
    return TensorSpec(dtype=dtype, shape=shape, data_ptr=buffer.ctypes.data, data_len=buffer.nbytes)


ints = [0, 1, 2, 100, 127, 3]
signed = [0, 1, -1, 127, -128, 5]
floats = np.array([0, 1, -2.5, 65504, 2**-24, -0.333251953125], np.float64)
tensors = {
    "bool": entry("bool", [6], np.array([1, 0, 1, 1, 0, 0], np.bool_).tobytes()),
    "f64": entry("float64", [2, 3], floats.tobytes()),
    "f32": entry("float32", [2, 3], floats.astype(np.float32).tobytes()),
    "f16": entry("float16", [2, 3], floats.astype(np.float16).tobytes()),
    "bf16": entry("bfloat16", [3], b"".join(struct.pack("<f", v)[2:] for v in (1.0, -2.5, 3e38))),
    "scalar": entry("float32", [], struct.pack("<f", 4.6052)),
    "empty": entry("float32", [0, 7], b""),
    "naïve \"name\"\n": entry("uint8", [1], b"\x2a"),
}
for name in ("uint8", "uint16", "uint32", "uint64"):
    tensors[name] = entry(name, [6], np.array(ints, name).tobytes())
for name in ("int8", "int16", "int32", "int64"):
    tensors[name] = entry(name, [6], np.array(signed, name).tobytes())
serialize_file(tensors, "python.safetensors", {"format": "np", "made": "by <safetensors> & numpy"})
