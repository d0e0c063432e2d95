"""Keras against ONNX Runtime on the same pictures, each with its own preparation.

Keras gets a picture as the original recipe prepares it; ONNX Runtime gets it as the manifest says. So a wrong mean or colour
order shows as much as a wrong kernel.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import graph
from recipes import SIDE_PX, Recipe, Scaling

LIMIT = 1e-4
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


def pictures(paths: list[Path]) -> list[tuple[str, np.ndarray]]:
    """Each picture's name and pixels [224, 224, 3] u8, squashed by nearest neighbour. Folders are not searched below their top."""
    files = []
    for path in paths:
        files += sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
    return [(str(file), load(file)) for file in files]


def load(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.NEAREST))


def drawn(count: int = 4) -> list[tuple[str, np.ndarray]]:
    """Pictures for who gives none: coloured gradients under noise, the same every time."""
    noise = np.random.default_rng(1)
    ramp = np.linspace(0, 200, SIDE_PX)
    made = []
    for index in range(count):
        flat = np.stack([np.add.outer(ramp * (index + 1), ramp * (colour + 1)) % 200 for colour in range(3)], axis=-1)
        made.append((f"drawn {index + 1}", (flat + noise.integers(0, 55, flat.shape)).astype(np.uint8)))
    return made


def tensor(pixels: np.ndarray, scaling: Scaling) -> np.ndarray:
    """What the manifest's [input] makes of the pixels: [1, 3, 224, 224] f32."""
    ordered = pixels[..., ::-1] if scaling.colour == "bgr" else pixels
    values = ordered.astype(np.float64) * scaling.scale - np.array(scaling.mean)
    return values.astype(np.float32).transpose(2, 0, 1)[np.newaxis]


def compare(model, features_layer: str, recipe: Recipe, onnx: Path, images: list[tuple[str, np.ndarray]]) -> dict:
    """The report: per picture the largest absolute difference of the probabilities, and of the features as a part of the largest."""
    import keras
    import onnxruntime

    both = keras.Model(model.input, [model.output, model.get_layer(features_layer).output])
    session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
    rows = []
    for name, pixels in images:
        original = recipe.original(pixels.astype(np.float32))[np.newaxis]
        theirs, their_features = (np.asarray(value)[0] for value in both.predict(original, verbose=0))
        ours, our_features = (value[0] for value in session.run([graph.PROBABILITIES, graph.FEATURES], {graph.INPUT: tensor(pixels, recipe.scaling)}))
        largest = max(float(np.abs(their_features).max()), 1e-12)
        rows.append({
            "image": name,
            "probabilities": float(np.abs(theirs - ours).max()),
            "features": float(np.abs(their_features - our_features).max()) / largest,
        })
    worst = {key: float(np.max([row[key] for row in rows])) for key in ("probabilities", "features")}
    versions = {"keras": keras.__version__, "onnxruntime": onnxruntime.__version__}
    # A difference that is not a number is not a small one.
    return {"limit": LIMIT, "passed": all(value <= LIMIT for value in worst.values()), "worst": worst, "versions": versions, "images": rows}


def text(report: dict) -> str:
    """The report for people."""
    lines = ["Largest difference between Keras and ONNX Runtime (features: relative to the largest feature)", "", "probabilities  features   image"]
    lines += [f"{row['probabilities']:13.1e}  {row['features']:8.1e}   {row['image']}" for row in report["images"]]
    worst = report["worst"]
    verdict = "passed" if report["passed"] else "FAILED"
    lines += ["", f"{verdict}: {worst['probabilities']:.1e} and {worst['features']:.1e}; the limit is {report['limit']:.0e}"]
    return "\n".join(lines) + "\n"
