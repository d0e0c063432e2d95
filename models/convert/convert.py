"""Converts Keras weights into an ONNX file with a manifest, and compares the two. Run by scripts/convert."""

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import graph
import manifest
import parity
import weights
from recipes import RECIPES, pooled_layer

MODELS = Path(__file__).resolve().parent.parent


class Refused(Exception):
    """Nothing was written; the message says why and what to do."""


def convert(name: str, source: Path, out: Path, images: list[Path], force: bool = False) -> dict:
    """Puts NAME.onnx, NAME.toml and the parity report into `out`; returns the report. Nothing is put there when it fails."""
    import onnx

    recipe = RECIPES[name]
    if (out / f"{name}.toml").exists() and not force:
        raise Refused(f"{out / name}.toml is there already: give --force to replace it, or another folder by --out")
    shown = parity.pictures(images) or parity.drawn()
    model = recipe.build()
    weights.load(model, source)
    features = pooled_layer(model)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".convert-", dir=out) as scratch:
        made = Path(scratch)
        file = made / f"{name}.onnx"
        onnx.save(graph.export(model, features), file)
        report = {"model": name, "weights": source.name, "weights_sha256": manifest.sha256(source)}
        report |= parity.compare(model, features, recipe, file, shown)
        if not report["passed"]:
            raise Refused(parity.text(report) + "The conversion is not faithful, so nothing was written.")
        (made / f"{name}.parity.json").write_text(json.dumps(report, indent=2) + "\n")
        (made / f"{name}.parity.txt").write_text(parity.text(report))
        origin = f"{recipe.source} from {source.name} (sha256 {report['weights_sha256']})"
        (made / f"{name}.toml").write_text(manifest.text(recipe, file, origin), encoding="utf-8")
        if recipe.task == "watch" and not (out / manifest.LABELS).exists():
            shutil.copy(MODELS / manifest.LABELS, out)
        # The manifest comes last: it is what makes the file a model.
        for suffix in ("onnx", "parity.json", "parity.txt", "toml"):
            os.replace(made / f"{name}.{suffix}", out / f"{name}.{suffix}")
    return report


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/convert", description=__doc__)
    parser.add_argument("name", choices=RECIPES, help="what the weights are")
    parser.add_argument("weights", type=Path, help="Keras' .h5 or .hdf5 file")
    parser.add_argument("--images", type=Path, nargs="+", default=[], help="pictures or folders to compare on; drawn ones without it")
    parser.add_argument("--out", type=Path, default=MODELS, help="folder for the model (default: models)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--force", action="store_true", help="replace a model of this name")
    given = parser.parse_args()
    try:
        report = convert(given.name, given.weights, given.out, given.images, given.force)
    except (Refused, weights.DoesNotFit, graph.Unknown, OSError) as error:
        print(f"{given.weights.name} was not converted: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report, indent=2) if given.json else parity.text(report))
    print(f"wrote {given.out / given.name}.onnx and .toml", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
