"""The manifest beside a converted file, in the format that models/README.md describes."""

import hashlib
from pathlib import Path

import graph
from recipes import SIDE_PX, TIMEPIECES, Recipe

LABELS = "imagenet-labels.txt"


def text(recipe: Recipe, onnx: Path, source: str) -> str:
    """The manifest of the ONNX file, as TOML. `source` tells where the weights came from."""
    lines = [f"task = {quoted(recipe.task)}", f"file = {quoted(onnx.name)}", f"sha256 = {quoted(sha256(onnx))}"]
    lines += [f"bytes = {onnx.stat().st_size}", "urls = []"]
    if recipe.license:
        lines.append(f"license = {quoted(recipe.license)}")
    lines += [f"source = {quoted(source)}", f"title = {quoted(recipe.title)}"]
    if recipe.task == "watch":
        lines.append('question = "watch or clock"')
    lines += ["", *input_lines(recipe), "", *output_lines(recipe)]
    if recipe.threshold:
        value, measured_on = recipe.threshold
        lines += ["", "[threshold]", f"default = {value}", f"measured_on = {quoted(measured_on)}"]
    return "\n".join(lines) + "\n"


def input_lines(recipe: Recipe) -> list[str]:
    scaling = recipe.scaling
    return [
        "[input]", f"tensor = {quoted(graph.INPUT)}", 'layout = "nchw"', 'dtype = "f32"', f"width = {SIDE_PX}", f"height = {SIDE_PX}",
        f"colour = {quoted(scaling.colour)}", 'fit = "squash"', 'filter = "nearest"              # as Keras loads images',
        f"scale = {scaling.scale!r}", f"mean = {list(scaling.mean)}", "std = [1.0, 1.0, 1.0]",
    ]


def output_lines(recipe: Recipe) -> list[str]:
    lines = ["[output]", f"tensor = {quoted(graph.PROBABILITIES)}", 'activation = "none"', f"classes = {recipe.classes}"]
    if recipe.task == "watch":
        lines += [f"labels = {quoted(LABELS)}", f"positive = {TIMEPIECES}    # analog clock, digital clock, digital watch, stopwatch, wall clock"]
    return lines + [f"features = {quoted(graph.FEATURES)}"]


def quoted(value: str) -> str:
    """A TOML basic string; names of files may hold anything."""
    escaped = "".join(f"\\u{ord(sign):04X}" if ord(sign) < 32 or sign in '"\\\x7f' else sign for sign in value)
    return f'"{escaped}"'


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
