"""The int8 model keeps its inputs and outputs, is smaller, and stays near the float one on pictures that did not calibrate it."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import onnxruntime

import convert
import parity
import quantize
from recipes import SYMMETRIC

STARTER = convert.MODELS / "starter-quality.onnx"


class Quantized(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.inputs = np.concatenate([parity.tensor(pixels, SYMMETRIC) for _, pixels in parity.drawn(12)])

    def saved(self, values: np.ndarray) -> Path:
        path = self.folder / "tensors.npy"
        np.save(path, values)
        return path

    def refused(self, values: np.ndarray) -> str:
        out = self.folder / "int8.onnx"
        with self.assertRaises(quantize.Refused) as caught:
            quantize.quantize(STARTER, self.saved(values), out)
        self.assertFalse(out.exists())
        return str(caught.exception)

    def test_the_starter_stays_near_itself(self):
        out = self.folder / "int8.onnx"
        report = quantize.quantize(STARTER, self.saved(self.inputs[:8]), out)
        self.assertGreater(report["quantized"]["Conv"], 0)
        self.assertLess(report["bytes"], report["bytes_before"] / 2)
        run = lambda path: onnxruntime.InferenceSession(path).run(["distribution"], {"image": self.inputs[8:]})[0]
        self.assertLess(np.abs(run(STARTER) - run(out)).max(), 0.05)

    def test_what_is_int8_already_is_refused(self):
        out = self.folder / "int8.onnx"
        tensors = self.saved(self.inputs[:2])
        quantize.quantize(STARTER, tensors, out)
        with self.assertRaisesRegex(quantize.Refused, "quantized already"):
            quantize.quantize(out, tensors, self.folder / "again.onnx")

    def test_another_layout_is_refused(self):
        self.assertIn("has the shape", self.refused(self.inputs.transpose(0, 2, 3, 1)))

    def test_another_type_is_refused(self):
        self.assertIn("holds uint8", self.refused(self.inputs.astype(np.uint8)))

    def test_no_images_are_refused(self):
        self.assertIn("no images", self.refused(self.inputs[:0]))


if __name__ == "__main__":
    unittest.main()
