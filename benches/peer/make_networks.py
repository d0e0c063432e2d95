"""Makes the full-size networks with random weights, as ONNX files with manifests, and as Keras .h5 files for the peers; in OUT/int8 the same
networks once more, quantized.

Random weights cost the same time as trained ones; the answers mean nothing. Run by benches/peer/networks.sh.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models" / "convert"))

import h5py
import numpy as np
from keras.src.legacy.saving import legacy_h5_format

import convert
import manifest
import parity
import quantize
from random_weights import randomise
from recipes import RECIPES

NETWORKS = ["resnet50-keras", "nima-inception-resnet-v2"]
SEED = 50


def make(name: str, out: Path) -> None:
    """NAME.h5 with random weights, and what the converter makes of it."""
    recipe = RECIPES[name]
    model = recipe.build()
    randomise(model, np.stack([recipe.original(pixels.astype(np.float32)) for _, pixels in parity.drawn()]), SEED)
    out.mkdir(parents=True, exist_ok=True)
    weights = out / f"{name}.h5"
    with h5py.File(weights, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    report = convert.convert(name, weights, out, [], force=True)
    print(f"{out / name}.toml: differs from Keras by at most {report['worst']['probabilities']:.1e}", file=sys.stderr)
    # These networks serve where the starters would, so that `chronograde bench --models OUT` needs no more.
    described = out / f"{name}.toml"
    text = described.read_text().replace(f'title = "{recipe.title}', f'title = "RANDOM WEIGHTS: {recipe.title}')
    described.write_text(f"default = true\n{text}")


def make_int8(name: str, out: Path) -> None:
    """What `chronograde models quantize` would make of NAME, calibrated on drawn pictures: good for nothing but its speed."""
    original, folder = out / f"{name}.onnx", out / "int8"
    folder.mkdir(exist_ok=True)
    made = folder / original.name
    with tempfile.TemporaryDirectory() as scratch:
        tensors = Path(scratch) / "tensors.npy"
        np.save(tensors, np.concatenate([parity.tensor(pixels, RECIPES[name].scaling) for _, pixels in parity.drawn()]))
        report = quantize.quantize(original, tensors, made)
    text = (out / f"{name}.toml").read_text()
    text = re.sub(r'^sha256 = .*$', f'sha256 = "{manifest.sha256(made)}"', text, flags=re.MULTILINE)
    text = re.sub(r'^bytes = .*$', f"bytes = {made.stat().st_size}", text, flags=re.MULTILINE)
    (folder / f"{name}.toml").write_text(text)
    if (labels := out / manifest.LABELS).exists():
        shutil.copy(labels, folder)
    print(f"{folder / name}.toml: int8, left in float: {report['left_in_float'] or 'nothing'}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the networks; not the repository's models/")
    parser.add_argument("names", nargs="*", default=NETWORKS, help=f"which: {', '.join(RECIPES)} (default: {', '.join(NETWORKS)})")
    given = parser.parse_args()
    unknown = set(given.names) - set(RECIPES)
    if unknown:
        parser.error(f"there is no network {', '.join(sorted(unknown))}")
    if given.out.resolve() == convert.MODELS:
        parser.error("random networks do not belong among the models that serve: give another folder")
    for name in given.names:
        make(name, given.out)
        make_int8(name, given.out)


if __name__ == "__main__":
    main()
