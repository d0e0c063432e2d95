"""Random weights, saved as Keras saves them, must come out of the converted file with the same numbers."""

import json
import sys
import tempfile
import tomllib
import unittest
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import h5py
import keras
import numpy as np
import onnxruntime
from keras.src.legacy.saving import legacy_h5_format

import convert
import graph
import manifest
import parity
import weights
from random_weights import randomise
from recipes import RECIPES

PHOTOGRAPHS = convert.MODELS.parent.parent / "shared" / "data" / "images"


@cache
def randomised(name: str):
    """The recipe's network with random weights."""
    recipe = RECIPES[name]
    model = recipe.build()
    randomise(model, np.stack([recipe.original(pixels.astype(np.float32)) for _, pixels in parity.drawn()]), seed=7)
    return model


def saved(model, path: Path, rename=lambda name: name) -> Path:
    """The model's weights as `save_weights` of old wrote them; with other layer names where the counter stood elsewhere."""
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
        names = [name.decode() if isinstance(name, bytes) else name for name in file.attrs["layer_names"]]
        for name in names:
            if rename(name) != name:
                file.move(name, rename(name))
        file.attrs["layer_names"] = [rename(name).encode() for name in names]
    return path


def far_counters(name: str) -> str:
    """As in a session that had made other networks before: conv2d_7 becomes conv2d_9007."""
    match = weights.NUMBERED.match(name)
    return f"{match[1]}_{int(match[2] or 0) + 9000}" if match else name


def old_resnet(name: str) -> str:
    """The name before Keras 2.2."""
    fixed = {new: old for old, new in weights.OLD_RESNET_ENDS.items()}
    if name in fixed or name.count("_") != 3 or not name.endswith(("_conv", "_bn")):
        return fixed.get(name, name)
    stage, block, part, kind = name.split("_")
    letter = chr(ord("a") + int(block.removeprefix("block")) - 1)
    branch = {new: old for old, new in weights.OLD_RESNET_PARTS.items()}[part]
    return f"{'res' if kind == 'conv' else 'bn'}{stage.removeprefix('conv')}{letter}_branch{branch}"


class Converted(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def images(self) -> list[Path]:
        found = sorted(PHOTOGRAPHS.glob("*.jpg"))[::100] if PHOTOGRAPHS.is_dir() else []
        if not found:
            print(f"no photographs in {PHOTOGRAPHS}: comparing on drawn pictures only", file=sys.stderr)
        return found

    def converts(self, name: str, rename=lambda layer: layer):
        """Converts, then compares the file with the very model that the weights came from."""
        recipe, model = RECIPES[name], randomised(name)
        source = saved(model, self.folder / "weights.h5", rename)
        out = self.folder / "models"
        report = convert.convert(name, source, out, self.images())
        self.assertTrue(report["passed"])
        self.assertEqual(report["worst"], json.loads((out / f"{name}.parity.json").read_text())["worst"])
        session = onnxruntime.InferenceSession(out / f"{name}.onnx")
        pixels = [pixels for _, pixels in parity.drawn()]
        theirs = model.predict(np.stack([recipe.original(one.astype(np.float32)) for one in pixels]), verbose=0)
        ours, features = session.run(None, {graph.INPUT: np.concatenate([parity.tensor(one, recipe.scaling) for one in pixels])})
        self.assertLessEqual(np.abs(theirs - ours).max(), parity.LIMIT)
        self.assertGreater(np.abs(theirs[0] - theirs[1]).max(), 10 * parity.LIMIT, "the pictures must differ for the test to mean something")
        self.assertEqual(features.ndim, 2)
        described = tomllib.loads((out / f"{name}.toml").read_text())
        self.assertEqual(described["sha256"], manifest.sha256(out / f"{name}.onnx"))
        self.assertEqual(described["output"]["classes"], ours.shape[1])
        return described

    def refused(self, name: str, path: Path) -> str:
        with self.assertRaises(weights.DoesNotFit) as caught:
            convert.convert(name, path, self.folder / "models", [])
        self.assertFalse((self.folder / "models").exists())
        return str(caught.exception)


class ResNet50(Converted):
    def test_keras_preparation_is_bgr_less_the_means(self):
        described = self.converts("resnet50-keras")["input"]
        self.assertEqual((described["colour"], described["mean"]), ("bgr", [103.939, 116.779, 123.68]))

    def test_the_notebook_fed_raw_rgb(self):
        described = self.converts("resnet50-notebook")
        self.assertEqual((described["input"]["colour"], described["input"]["scale"]), ("rgb", 1.0))
        self.assertEqual(described["threshold"]["default"], 0.01)

    def test_names_from_before_keras_2_2_are_understood(self):
        source = saved(randomised("resnet50-keras"), self.folder / "old.h5", old_resnet)
        model = RECIPES["resnet50-keras"].build()
        weights.load(model, source)
        np.testing.assert_array_equal(model.get_weights()[50], randomised("resnet50-keras").get_weights()[50])
        self.assertEqual(model.get_layer("conv1_bn").epsilon, 1e-3, "as Keras had it then")

    def test_weights_without_the_classes_are_refused(self):
        model = keras.applications.ResNet50(weights=None, include_top=False)
        self.assertEqual(self.refused("resnet50-keras", saved(model, self.folder / "notop.h5")), "the file has no layer predictions; the network needs it")

    def test_another_shape_is_refused(self):
        model = keras.applications.ResNet50(weights=None, classes=10)
        self.assertIn("predictions, kernel: the shape is (2048, 10) in the file, (2048, 1000)", self.refused("resnet50-keras", saved(model, self.folder / "ten.h5")))

    def test_values_that_are_no_numbers_are_refused(self):
        source = saved(randomised("resnet50-keras"), self.folder / "nan.h5")
        with h5py.File(source, "a") as file:
            file["predictions"][file["predictions"].attrs["weight_names"][0]][0, 0] = np.nan
        self.assertIn("not finite", self.refused("resnet50-keras", source))


class Files(Converted):
    def test_a_file_that_is_not_hdf5_is_refused(self):
        path = self.folder / "page.h5"
        path.write_text("<html>not found</html>")
        self.assertIn("is not an HDF5 file", self.refused("nima-mobilenet", path))

    def test_the_layout_of_keras_3_is_named(self):
        path = self.folder / "new.weights.h5"
        randomised("nima-mobilenet").save_weights(path)
        self.assertIn("Keras 3's own layout", self.refused("nima-mobilenet", path))

    def test_a_model_that_is_there_is_not_replaced_unasked(self):
        self.converts("nima-mobilenet")
        with self.assertRaisesRegex(convert.Refused, "--force"):
            convert.convert("nima-mobilenet", self.folder / "weights.h5", self.folder / "models", [])


class Nima(Converted):
    def test_mobilenet_by_titu1994(self):
        self.assertEqual(self.converts("nima-mobilenet", lambda name: {"dense": "dense_1"}.get(name, name))["output"]["classes"], 10)

    def test_mobilenet_by_idealo(self):
        self.assertEqual(self.converts("idealo-mobilenet-aesthetic")["license"], "Apache-2.0")

    def test_inception_resnet_with_counters_that_stood_elsewhere(self):
        self.converts("nima-inception-resnet-v2", far_counters)

    def test_another_network_is_refused(self):
        source = saved(randomised("nima-mobilenet"), self.folder / "mobilenet.h5")
        self.assertIn("the file has no layer", self.refused("nima-inception-resnet-v2", source))


if __name__ == "__main__":
    unittest.main()
