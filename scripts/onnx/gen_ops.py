#!/usr/bin/env python3
"""Writes models/onnx/testdata/ops.safetensors: for each case model/NAME (the ONNX file as bytes), in/NAME and out/NAME.

Every graph takes pictures [n, 3, 6, 8] or, where a case says so, of another size; two stimuli."""
import os

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh
from onnx.reference import ReferenceEvaluator
from safetensors.numpy import save_file

OUT = os.environ.get("ONNX_OUT", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models", "onnx", "testdata"))
rng = np.random.default_rng(7)
cases = {}


def normal(*dims):
    return rng.standard_normal(dims).astype(np.float32)


def node(op, inputs, outputs=("y",), domain="", **attrs):
    return h.make_node(op, list(inputs), list(outputs), domain=domain, **attrs)


def case(name, nodes, inits=None, opset=17, shape=(3, 6, 8), want=None, out="y", outtype=T.FLOAT, positive=False):
    inits = {k: np.asarray(v) for k, v in (inits or {}).items()}
    g = h.make_graph(nodes, "g", [h.make_tensor_value_info("x", T.FLOAT, ["n", *shape])],
                     [h.make_tensor_value_info(out, outtype, None)], [nh.from_array(v, k) for k, v in inits.items()])
    domains = {n.domain for n in nodes}
    m = h.make_model(g, opset_imports=[h.make_opsetid(d, opset if d == "" else 1) for d in sorted(domains | {""})], ir_version=8)
    x = normal(2, *shape)
    if positive:
        x = np.abs(x) + 0.5
    y = want(x) if want else ReferenceEvaluator(m).run(None, {"x": x})[0]
    assert name not in cases and np.isfinite(y.astype(np.float64)).all(), name
    cases[name] = (np.frombuffer(m.SerializeToString(), np.uint8).copy(), x, np.ascontiguousarray(y.astype(np.float32)))


i64 = lambda *v: np.array(v, np.int64)
f32 = lambda *v: np.array(v, np.float32)

# One value to one value.
for op in ["Abs", "Neg", "Exp", "Sin", "Cos", "Tanh", "Sigmoid", "Erf", "Relu", "Floor", "Ceil", "Round", "Sign", "Softplus", "Softsign",
           "HardSwish", "Mish", "Identity"]:
    case(op, [node(op, ["x"])], opset=18 if op == "Mish" else 17)
for op in ["Log", "Sqrt", "Reciprocal"]:
    case(op, [node(op, ["x"])], positive=True)
case("LeakyRelu", [node("LeakyRelu", ["x"], alpha=0.1)])
case("Elu", [node("Elu", ["x"], alpha=1.5)])
case("Celu", [node("Celu", ["x"], alpha=0.7)])
case("Selu", [node("Selu", ["x"])])
case("ThresholdedRelu", [node("ThresholdedRelu", ["x"], alpha=0.3)])
case("HardSigmoid", [node("HardSigmoid", ["x"], alpha=0.3, beta=0.4)])
case("PRelu", [node("PRelu", ["x", "s"])], {"s": normal(3, 1, 1)})
case("Gelu", [node("Gelu", ["x"])], opset=20)
case("GeluTanh", [node("Gelu", ["x"], approximate="tanh")], opset=20)
case("ClipInputs", [node("Clip", ["x", "lo", "hi"])], {"lo": np.float32(-0.5), "hi": np.float32(0.7)})
case("ClipAttributes", [node("Clip", ["x"], min=-0.2, max=0.3)], opset=6, want=lambda x: np.clip(x, -0.2, 0.3))
case("ClipAbove", [node("Clip", ["x", "", "hi"])], {"hi": np.float32(0.1)})

# Several values to one.
for op in ["Add", "Sub", "Mul", "Div"]:
    case(op, [node(op, ["x", "b"])], {"b": normal(3, 1, 1) + 3})
    case(op + "Left", [node(op, ["b", "x"])], {"b": normal(8)}, positive=True)
for op in ["Min", "Max", "Sum", "Mean"]:
    case(op, [node(op, ["x", "b", "x"])], {"b": normal(6, 1)})
for e in [1, 2, 3, 4, 0.5, -0.5, -1, 1.7]:
    case(f"Pow{e}", [node("Pow", ["x", "e"])], {"e": np.float32(e)}, positive=True)
case("PowTensor", [node("Pow", ["x", "e"])], {"e": np.abs(normal(8))}, positive=True)
for op in ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"]:
    case(op, [node("Round", ["x"], ["r"]), node(op, ["r", "o"], ["c"]), node("Where", ["c", "x", "b"])], {"o": np.float32(1), "b": normal(8)})
for op in ["And", "Or", "Xor"]:
    case(op, [node("Greater", ["x", "a"], ["p"]), node("Less", ["x", "b"], ["q"]), node(op, ["p", "q"], ["c"]), node("Cast", ["c"], to=T.FLOAT)],
         {"a": np.float32(-0.5), "b": np.float32(0.5)})
case("Not", [node("Greater", ["x", "a"], ["p"]), node("Not", ["p"], ["c"]), node("Where", ["c", "x", "a"])], {"a": np.float32(0.1)})
case("CastInt", [node("Cast", ["x"], ["i"], to=T.INT64), node("Cast", ["i"], to=T.FLOAT)])
case("CastHalf", [node("Cast", ["x"], ["i"], to=T.DOUBLE), node("Cast", ["i"], to=T.FLOAT)])

# Shapes.
case("Reshape", [node("Reshape", ["x", "s"])], {"s": i64(0, -1, 8)})
case("ReshapeSplit", [node("Reshape", ["x", "s"])], {"s": i64(-1, 3, 2, 3, 4, 2)})
case("Flatten", [node("Flatten", ["x"], axis=2)])
case("FlattenNegative", [node("Flatten", ["x"], axis=-1)])
case("Transpose", [node("Transpose", ["x"], perm=[0, 3, 1, 2])])
case("TransposeStimuli", [node("Transpose", ["x"], ["t"], perm=[2, 0, 3, 1]), node("Relu", ["t"], ["r"]), node("Transpose", ["r"], perm=[1, 0, 3, 2])])
case("Squeeze", [node("Unsqueeze", ["x", "a"], ["u"]), node("Relu", ["u"], ["r"]), node("Squeeze", ["r", "a"])], {"a": i64(1, -1)})
case("Squeeze11", [node("Unsqueeze", ["x"], ["u"], axes=[2]), node("Squeeze", ["u"], axes=[2])], opset=11)
case("Concat", [node("Relu", ["x"], ["r"]), node("Concat", ["x", "r", "x"], axis=-1)])
case("ConcatFixed", [node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["n"]), node("Concat", ["n", "one", "h", "w"], ["d"], axis=0),
                     node("Expand", ["t", "d"], ["e"]), node("Concat", ["e", "x"], axis=1)],
     {"zero": i64(0), "one": i64(1), "h": i64(6), "w": i64(8), "t": normal(1, 1, 6, 8)})
case("Split", [node("Split", ["x", "s"], ["a", "b"], axis=3), node("Concat", ["b", "a"], axis=3)], {"s": i64(3, 5)})
case("SplitEven", [node("Split", ["x"], ["a", "b", "c"], axis=1), node("Add", ["a", "c"])], opset=13)
case("SplitAttribute", [node("Split", ["x"], ["a", "b"], axis=2, split=[2, 4]), node("Concat", ["b", "a"], axis=2)], opset=11)
case("SplitUneven", [node("Split", ["x"], ["a", "b", "c"], axis=3, num_outputs=3), node("Concat", ["c", "a"], axis=3)], opset=18)
case("Slice", [node("Slice", ["x", "s", "e", "a", "t"])], {"s": i64(1, -3), "e": i64(5, 2**63 - 1), "a": i64(2, 3), "t": i64(2, 1)})
case("SliceBack", [node("Slice", ["x", "s", "e", "a", "t"])], {"s": i64(-1), "e": i64(-2**63), "a": i64(3), "t": i64(-3)})
case("Slice9", [node("Slice", ["x"], starts=[1, 0], ends=[100, -2], axes=[1, 3])], opset=9, want=lambda x: x[:, 1:, :, :-2])
case("GatherScalar", [node("Gather", ["x", "i"], axis=1)], {"i": np.int64(-1)})
case("GatherList", [node("Gather", ["x", "i"], axis=3)], {"i": i64(5, 0, 0, -2)})
case("GatherTable", [node("Gather", ["x", "i"], axis=2)], {"i": i64(5, 1, 2, 0, 3, 4).reshape(2, 3)})
case("Expand", [node("ReduceMean", ["x"], ["m"], axes=[1]), node("Expand", ["m", "s"])], {"s": i64(1, 4, 1, 8)})
case("Tile", [node("Tile", ["x", "r"])], {"r": i64(1, 2, 1, 3)})
case("PadConstant", [node("Pad", ["x", "p", "v"])], {"p": i64(0, 0, 1, 2, 0, 0, 3, 0), "v": np.float32(0.5)})
case("PadReflect", [node("Pad", ["x", "p"], mode="reflect")], {"p": i64(0, 0, 2, 1, 0, 0, 1, 3)})
case("PadEdge", [node("Pad", ["x", "p"], mode="edge")], {"p": i64(0, 0, 2, 0, 0, 0, 1, 3)})
case("PadCut", [node("Pad", ["x", "p"])], {"p": i64(0, 0, -1, 2, 0, 0, 1, -3)}, want=lambda x: np.pad(x[:, :, 1:, :-3], ((0, 0), (0, 0), (0, 1), (2, 0))))
case("PadAxes", [node("Pad", ["x", "p", "", "a"])], {"p": i64(1, 2), "a": i64(-1)}, opset=18)
case("Pad2", [node("Pad", ["x"], pads=[0, 0, 1, 1, 0, 0, 0, 2], value=0.25)], opset=2,
     want=lambda x: np.pad(x, ((0, 0), (0, 0), (1, 0), (1, 2)), constant_values=0.25))
case("DepthToSpace", [node("Concat", ["x", "x", "x", "x"], ["c"], axis=1), node("DepthToSpace", ["c"], blocksize=2)])
case("DepthToSpaceCRD", [node("Concat", ["x", "x", "x", "x"], ["c"], axis=1), node("DepthToSpace", ["c"], blocksize=2, mode="CRD")])
case("SpaceToDepth", [node("SpaceToDepth", ["x"], blocksize=2)])
case("Trilu", [node("Trilu", ["x", "k"], upper=0)], {"k": np.int64(1)})
case("TriluUpper", [node("Trilu", ["x"], upper=1)])
# Positions computed in the graph: a ramp along the rows, made from the shape.
case("Range", [node("Shape", ["x"], ["s"], start=3), node("Squeeze", ["s"], ["w"]), node("Range", ["zero", "w", "one"], ["r"]),
               node("Cast", ["r"], ["f"], to=T.FLOAT), node("Mul", ["x", "f"])], {"zero": np.int64(0), "one": np.int64(1)})
case("ConstantOfShape", [node("Shape", ["x"], ["s"]), node("ConstantOfShape", ["s"], ["c"], value=nh.from_array(f32(2.5))), node("Mul", ["x", "c"])])
case("ShapeArithmetic", [node("Shape", ["x"], ["s"]), node("Gather", ["s", "two"], ["h"]), node("Gather", ["s", "three"], ["w"]), node("Mul", ["h", "w"], ["hw"]),
                         node("Div", ["hw", "four"], ["q"]), node("Sub", ["q", "zero"], ["q2"]), node("Concat", ["minus", "q2", "four"], ["d"], axis=0),
                         node("Reshape", ["x", "d"])],
     {"two": i64(2), "three": i64(3), "four": i64(4), "zero": i64(0), "minus": i64(-1)})
case("MaskTable", [node("Range", ["zero", "eight", "one"], ["c"]), node("Unsqueeze", ["c", "ax"], ["row"]), node("Less", ["c", "row"], ["m"]),
                   node("Where", ["m", "low", "nought"], ["bias"]), node("Pad", ["x", "p"], ["sq"]), node("Add", ["sq", "bias"])],
     {"zero": np.int64(0), "eight": np.int64(8), "one": np.int64(1), "ax": i64(1), "low": np.float32(-9), "nought": np.float32(0),
      "p": i64(0, 0, 0, 0, 0, 0, 2, 0)})

# Products.
case("MatMul", [node("MatMul", ["x", "w"])], {"w": normal(8, 5)})
case("MatMulLeft", [node("MatMul", ["w", "x"])], {"w": normal(5, 6)})
case("MatMulBoth", [node("Transpose", ["x"], ["t"], perm=[0, 1, 3, 2]), node("MatMul", ["x", "t"])])
case("MatMulBroadcast", [node("MatMul", ["x", "w"])], {"w": normal(3, 8, 5)})
case("Gemm", [node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w", "b"], transB=1)], {"w": normal(5, 144), "b": normal(5)})
case("GemmScaled", [node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w", "b"], alpha=0.5, beta=2.0)], {"w": normal(144, 5), "b": normal(1, 5)})
case("Einsum", [node("Einsum", ["x", "w"], equation="bchw,wk->bhck")], {"w": normal(8, 5)})

# Normalisations and reductions.
for axis in [1, 2, 3]:
    case(f"Softmax{axis}", [node("Softmax", ["x"], axis=axis)])
case("LogSoftmax", [node("LogSoftmax", ["x"], axis=1)])
case("SoftmaxOld", [node("Softmax", ["x"], axis=2)], opset=11,
     want=lambda x: (lambda e: (e / e.sum(1, keepdims=True)).reshape(x.shape))(np.exp(x.reshape(6, -1) - x.reshape(6, -1).max(1, keepdims=True))))
case("LayerNorm", [node("LayerNormalization", ["x", "s", "b"], epsilon=1e-3)], {"s": normal(8), "b": normal(8)})
case("LayerNormAxes", [node("LayerNormalization", ["x", "s", "b"], axis=2)], {"s": normal(6, 8), "b": normal(6, 8)})
case("LayerNormNoBias", [node("LayerNormalization", ["x", "s"])], {"s": normal(8)})
case("BatchNorm", [node("BatchNormalization", ["x", "s", "b", "m", "v"], epsilon=1e-3, momentum=0.7)],
     {"s": normal(3), "b": normal(3), "m": normal(3), "v": np.abs(normal(3)) + 0.1})
case("InstanceNorm", [node("InstanceNormalization", ["x", "s", "b"])], {"s": normal(3), "b": normal(3)})
case("GroupNorm", [node("Concat", ["x", "x"], ["c"], axis=1), node("GroupNormalization", ["c", "s", "b"], num_groups=2)], {"s": normal(6), "b": normal(6)}, opset=21)
case("LpNorm1", [node("LpNormalization", ["x"], axis=1, p=1)], want=lambda x: x / np.abs(x).sum(1, keepdims=True))
case("LpNorm2", [node("LpNormalization", ["x"], axis=-1, p=2)])


def lrn(x):
    """As the operator is defined: one channel before and two after; the reference counts stimuli for channels."""
    c = np.concatenate([x, x, x], 1)
    squares = np.pad(c.astype(np.float64) ** 2, ((0, 0), (1, 2), (0, 0), (0, 0)))
    total = sum(squares[:, k:k + c.shape[1]] for k in range(4))
    return c / (1.5 + 0.02 / 4 * total) ** 0.6


case("LRN", [node("Concat", ["x", "x", "x"], ["c"], axis=1), node("LRN", ["c"], size=4, alpha=0.02, beta=0.6, bias=1.5)], want=lrn)
for op in ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"]:
    case(op, [node(op, ["x", "a"], keepdims=0)], {"a": i64(2, -1)}, opset=18)
case("ReduceMeanKeep", [node("ReduceMean", ["x"], axes=[1], keepdims=1)])
case("ReduceNoop", [node("ReduceSum", ["x"], noop_with_empty_axes=1)])
case("ArgMax", [node("ArgMax", ["x"], ["i"], axis=1, keepdims=0), node("Cast", ["i"], to=T.FLOAT)])

# Windows.
def conv(name, w, shape=(3, 6, 8), bias=True, **attrs):
    inits = {"w": w}
    if bias:
        inits["b"] = normal(w.shape[0])
    case(name, [node("Conv", ["x", "w"] + (["b"] if bias else []), **attrs)], inits, shape=shape)


conv("Conv", normal(4, 3, 3, 3), pads=[1, 1, 1, 1])
conv("ConvStride", normal(4, 3, 3, 3), strides=[2, 2], pads=[1, 0, 0, 1], dilations=[1, 1], kernel_shape=[3, 3], group=1)
conv("ConvUneven", normal(4, 3, 1, 5), strides=[1, 2], pads=[0, 2, 0, 1])
conv("ConvDilated", normal(4, 3, 3, 2), dilations=[2, 3], pads=[2, 2, 2, 2], strides=[2, 2])
conv("ConvDepthwise", normal(3, 1, 3, 3), group=3, pads=[1, 1, 1, 1], strides=[2, 2])
conv("ConvMultiplier", normal(6, 1, 3, 3), group=3)
conv("ConvSame", normal(2, 3, 4, 3), auto_pad="SAME_UPPER", strides=[2, 3])
conv("ConvSameLower", normal(2, 3, 4, 3), auto_pad="SAME_LOWER", strides=[2, 3], bias=False)
conv("ConvValid", normal(2, 3, 2, 2), auto_pad="VALID")
case("ConvGroups", [node("Concat", ["x", "x"], ["c"], axis=1), node("Conv", ["c", "w"], group=2, pads=[1, 1, 1, 1])], {"w": normal(4, 3, 3, 3)})
case("Conv1D", [node("Reshape", ["x", "s"], ["r"]), node("Conv", ["r", "w", "b"], strides=[2], pads=[1, 2])], {"s": i64(0, 3, 48), "w": normal(4, 3, 5), "b": normal(4)})
case("MaxPoolTorch", [node("MaxPool", ["x"], kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0], dilations=[1, 1], ceil_mode=0)])
case("MaxPoolPlain", [node("MaxPool", ["x"], kernel_shape=[2, 3])])
case("MaxPoolPadded", [node("MaxPool", ["x"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])])
case("MaxPoolDilated", [node("MaxPool", ["x"], kernel_shape=[2, 2], dilations=[2, 3])])
case("AveragePool", [node("AveragePool", ["x"], kernel_shape=[2, 2], strides=[2, 2])])
case("AveragePoolTorch", [node("AveragePool", ["x"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=0, count_include_pad=1)])
case("AveragePoolInside", [node("AveragePool", ["x"], kernel_shape=[3, 3], strides=[2, 1], pads=[1, 1, 1, 1])])
case("AveragePoolSame", [node("AveragePool", ["x"], kernel_shape=[3, 2], auto_pad="SAME_UPPER", strides=[2, 2])])


def ceil_pool(x, k, s, p, largest, padded):
    """Pooling with the number of windows rounded up, as PyTorch states it: a window begins inside the image or the padding before it,
    and an average counts no place beyond the padded image."""
    n, c, hh, ww = x.shape
    out = []
    for size in (hh, ww):
        o = -(-(size + 2 * p - k) // s) + 1
        out.append(o - 1 if (o - 1) * s >= size + p else o)
    y = np.zeros((n, c, *out), np.float32)
    for i in range(out[0]):
        for j in range(out[1]):
            r0, c0 = i * s - p, j * s - p
            r1, c1 = min(r0 + k, hh + p), min(c0 + k, ww + p)
            v = x[:, :, max(r0, 0):min(r1, hh), max(c0, 0):min(c1, ww)]
            y[:, :, i, j] = v.max((2, 3)) if largest else v.sum((2, 3)) / ((r1 - r0) * (c1 - c0) if padded else v.shape[2] * v.shape[3])
    return y


case("MaxPoolCeil", [node("MaxPool", ["x"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)], want=lambda x: ceil_pool(x, 3, 2, 0, True, False))
case("MaxPoolCeilPadded", [node("MaxPool", ["x"], kernel_shape=[3, 3], strides=[3, 3], pads=[1, 1, 1, 1], ceil_mode=1)], shape=(3, 6, 7),
     want=lambda x: ceil_pool(x, 3, 3, 1, True, False))
case("AveragePoolCeil", [node("AveragePool", ["x"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)], want=lambda x: ceil_pool(x, 3, 2, 0, False, False))
case("AveragePoolCeilPadded", [node("AveragePool", ["x"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1, count_include_pad=1)],
     want=lambda x: ceil_pool(x, 3, 2, 1, False, True))
case("GlobalAveragePool", [node("GlobalAveragePool", ["x"])])
case("GlobalMaxPool", [node("GlobalMaxPool", ["x"])])

# Interpolation.
for mode in ["nearest", "linear", "cubic"]:
    for place in ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"]:
        case(f"Resize_{mode}_{place}", [node("Resize", ["x", "", "", "s"], mode=mode, coordinate_transformation_mode=place)], {"s": i64(2, 3, 9, 5)}, opset=19)
for rounding in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]:
    case(f"Resize_{rounding}", [node("Resize", ["x", "", "f"], mode="nearest", nearest_mode=rounding)], {"f": f32(1, 1, 1.5, 0.5)}, opset=13)
case("ResizeScales", [node("Resize", ["x", "", "f"], mode="linear")], {"f": f32(1, 1, 2, 1.3)}, opset=13)
case("ResizeOutside", [node("Resize", ["x", "", "f"], mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5)], {"f": f32(1, 1, 0.8, 1.3)}, opset=13)
case("ResizeAxes", [node("Resize", ["x", "", "f"], mode="linear", axes=[2, 3])], {"f": f32(2, 0.5)}, opset=18)

save_file({k: v for name, (m, x, y) in sorted(cases.items()) for k, v in ((f"model/{name}", m), (f"in/{name}", x), (f"out/{name}", y))},
          os.path.join(OUT, "ops.safetensors"))
print(len(cases), "cases")
