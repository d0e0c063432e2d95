"""Makes a static int8 model (QDQ, per channel) of an ONNX file, calibrated on tensors that the program prepared.

    scripts/convert quantize MODEL.onnx TENSORS.npy OUT.onnx [--method minmax|entropy|percentile]

TENSORS.npy holds [n, …]: n inputs exactly as the model receives them, in its layout and type (f32 or u8). OUT.onnx has the same
inputs and outputs. A report of what was quantized goes to stdout as JSON; sentences go to stderr, with exit code 1.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

METHODS = {"minmax": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy, "percentile": CalibrationMethod.Percentile}
# What carries the arithmetic, and what lies between, so that values need not leave int8. The last softmax stays float.
OPERATORS = ["Conv", "Gemm", "MatMul", "Add", "Mul", "Concat", "MaxPool", "AveragePool", "GlobalAveragePool", "Pad"]
DTYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}


class Refused(Exception):
    """Nothing was written; the message says why."""


class Tensors(CalibrationDataReader):
    """The calibration tensors, one image at a time: the file is mapped, never read whole."""

    def __init__(self, name: str, tensors: np.ndarray):
        self.name, self.tensors = name, tensors
        self.rewind()

    def get_next(self):
        return next(self.rest, None)

    def rewind(self):
        self.rest = ({self.name: np.ascontiguousarray(one[np.newaxis])} for one in self.tensors)


def quantize(model: Path, tensors: Path, out: Path, method: str = "minmax") -> dict:
    """Writes the int8 model to `out`, in one step, and returns the report."""
    given = opened(model)
    values = fitting(given, tensors)
    with tempfile.TemporaryDirectory(prefix=".quantize-", dir=out.parent) as scratch:
        plain, made = Path(scratch) / "plain.onnx", Path(scratch) / "int8.onnx"
        # Folds normalisations into their convolutions: a convolution is quantized well only with what follows it.
        quant_pre_process(str(model), str(plain), skip_symbolic_shape=True)
        before = onnx.load(plain)
        if any(node.op_type in ("QuantizeLinear", "DequantizeLinear", "QLinearConv") for node in before.graph.node):
            raise Refused(f"{model.name} is quantized already: give the model that it was made from")
        quantize_static(
            str(plain), str(made), Tensors(given.name, values), quant_format=QuantFormat.QDQ, op_types_to_quantize=OPERATORS,
            per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=METHODS[method],
        )
        onnxruntime.InferenceSession(str(made), providers=["CPUExecutionProvider"])
        report = described(before, onnx.load(made), values, method) | {"bytes_before": model.stat().st_size, "bytes": made.stat().st_size}
        os.replace(made, out)
    return report


def opened(model: Path):
    """The model's one input."""
    inputs = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"]).get_inputs()
    if len(inputs) != 1:
        raise Refused(f"{model.name} has {len(inputs)} inputs; one is wanted")
    return inputs[0]


def fitting(given, path: Path) -> np.ndarray:
    """The tensors, once their shape and type are the input's."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise Refused(f"{path.name} is not an .npy file: {error}") from error
    dtype = DTYPES.get(given.type)
    if dtype is None or values.dtype != dtype:
        raise Refused(f"{path.name} holds {values.dtype}, but the input {given.name} is {given.type}")
    fits = len(values.shape) == len(given.shape) and all(
        not isinstance(wanted, int) or wanted == size for size, wanted in zip(values.shape[1:], given.shape[1:])
    )
    if not fits:
        raise Refused(f"{path.name} has the shape {list(values.shape)}, but the input {given.name} is {given.shape}")
    if len(values) == 0:
        raise Refused(f"{path.name} holds no images: nothing can be calibrated")
    if given.shape and isinstance(given.shape[0], int) and given.shape[0] != 1:
        raise Refused(f"the input {given.name} has the fixed batch {given.shape[0]}; 1 or any is wanted")
    return values


def described(before, after, values: np.ndarray, method: str) -> dict:
    """What was quantized: an operator of OPERATORS counts when its first input comes from a DequantizeLinear."""
    restored = {name for node in after.graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    kinds = Counter(node.op_type for node in after.graph.node if node.op_type not in ("QuantizeLinear", "DequantizeLinear"))
    int8 = Counter(node.op_type for node in after.graph.node if node.input and node.input[0] in restored and node.op_type in OPERATORS)
    return {
        "format": "QDQ", "per_channel": True, "activations": "uint8", "weights": "int8", "calibration": {"method": method, "images": len(values)},
        "nodes_before": len(before.graph.node), "quantized": dict(int8), "left_in_float": dict(kinds - int8),
        "inputs": [value.name for value in after.graph.input], "outputs": [value.name for value in after.graph.output],
        "versions": {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("tensors", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--method", choices=METHODS, default="minmax")
    given = parser.parse_args()
    try:
        report = quantize(given.model, given.tensors, given.out, given.method)
    except (Refused, OSError, onnxruntime.capi.onnxruntime_pybind11_state.Fail, onnxruntime.capi.onnxruntime_pybind11_state.InvalidProtobuf) as error:
        print(f"{given.model.name} was not quantized: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
