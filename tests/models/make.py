#!/usr/bin/env python3
"""Writes the tiny models of the tests, weights and manifests: `pip install onnx numpy`, then run this file.

All look at 4×4 pixels and answer with the means of the channels, so that the numbers that tests expect can be
worked out by hand. The files are the same on every run.
"""

import hashlib
import pathlib
import struct

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

HERE = pathlib.Path(__file__).parent
F, U = T.FLOAT, T.UINT8


def constant(name, values, dtype):
    return numpy_helper.from_array(np.array(values, dtype), name)


def save(name, nodes, inputs, outputs, constants=()):
    graph = h.make_graph(nodes, "tiny", inputs, outputs, list(constants))
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


def info(name, dtype, *shape):
    return h.make_tensor_value_info(name, dtype, shape)


IMAGE = info("image", F, "n", 3, 4, 4)
MEANS = [h.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=0)]
FEATURES = info("means", F, "n", 3)

# The channel means as they are: logits, and a features output.
save("tiny-means", MEANS + [h.make_node("Identity", ["means"], ["logits"])], [IMAGE], [info("logits", F, "n", 3), FEATURES])
# The same in steps of a quarter: what rounding makes of a network.
save("tiny-coarse", MEANS + [
    h.make_node("Mul", ["means", "four"], ["quarters"]),
    h.make_node("Round", ["quarters"], ["rounded"]),
    h.make_node("Div", ["rounded", "four"], ["logits"]),
], [IMAGE], [info("logits", F, "n", 3), FEATURES], [constant("four", 4, np.float32)])
# Their softmax: probabilities.
save("tiny-softmax", MEANS + [h.make_node("Softmax", ["means"], ["probabilities"], axis=1)], [IMAGE],
     [info("probabilities", F, "n", 3)])
# The square root of (mean - 0.5): not a number where a channel is darker than half.
save("tiny-nan", MEANS + [h.make_node("Sub", ["means", "half"], ["above"]), h.make_node("Sqrt", ["above"], ["roots"])], [IMAGE],
     [info("roots", F, "n", 3)], [constant("half", 0.5, np.float32)])
# Gathers row 1000·(mean of the picture > 0.5) of one row: fails to run on bright pictures.
save("tiny-broken", MEANS + [
    h.make_node("ReduceMean", ["means"], ["brightness"], keepdims=0),
    h.make_node("Greater", ["brightness", "half"], ["bright"]),
    h.make_node("Cast", ["bright"], ["bit"], to=T.INT64),
    h.make_node("Mul", ["bit", "thousand"], ["row"]),
    h.make_node("Gather", ["zero", "row"], ["nothing"], axis=0),
    h.make_node("Add", ["means", "nothing"], ["logits"]),
], [IMAGE], [info("logits", F, "n", 3)],
     [constant("half", 0.5, np.float32), constant("thousand", 1000, np.int64), constant("zero", [0.0], np.float32)])
# The same for a dark picture that is alone: a full batch runs, as when it is opened, and no dark one does afterwards.
save("tiny-down", MEANS + [
    h.make_node("ReduceMean", ["means"], ["brightness"], keepdims=0),
    h.make_node("Less", ["brightness", "half"], ["dark"]),
    h.make_node("Shape", ["image"], ["shape"]),
    h.make_node("Gather", ["shape", "first"], ["count"], axis=0),
    h.make_node("Equal", ["count", "one"], ["alone"]),
    h.make_node("And", ["dark", "alone"], ["down"]),
    h.make_node("Cast", ["down"], ["bit"], to=T.INT64),
    h.make_node("Mul", ["bit", "thousand"], ["row"]),
    h.make_node("Gather", ["zero", "row"], ["nothing"], axis=0),
    h.make_node("Add", ["means", "nothing"], ["logits"]),
], [IMAGE], [info("logits", F, "n", 3)],
     [constant("half", 0.5, np.float32), constant("first", 0, np.int64), constant("one", 1, np.int64),
      constant("thousand", 1000, np.int64), constant("zero", [0.0], np.float32)])
# Ten logits, i·(mean of the red channel) for the score i: uniform for black.
save("tiny-quality", MEANS + [
    h.make_node("MatMul", ["means", "weights"], ["scores"]),
    h.make_node("Softmax", ["scores"], ["distribution"], axis=1),
], [IMAGE], [info("distribution", F, "n", 10), FEATURES],
     [constant("weights", [list(range(1, 11)), [0] * 10, [0] * 10], np.float32)])
# Bytes in, bytes out: channel means, rounded; a colour whose channels add up to 256 is a distribution.
for batch in (1, 2):
    save(f"tiny-bytes-{batch}", [
        h.make_node("Cast", ["pixels"], ["floats"], to=F),
        h.make_node("ReduceMean", ["floats"], ["means"], axes=[1, 2], keepdims=0),
        h.make_node("Round", ["means"], ["rounded"]),
        h.make_node("Cast", ["rounded"], ["bytes"], to=U),
    ], [info("pixels", U, batch, 4, 4, 3)], [info("bytes", U, batch, 3)])

LABELS = 'labels = "tiny-labels.txt"\npositive = [0]'
FLOATS = 'tensor = "image"\nlayout = "nchw"\ndtype = "f32"\nwidth = 4\nheight = 4\nfilter = "bilinear"\n'
BYTES = 'tensor = "pixels"\nlayout = "nhwc"\ndtype = "u8"\nwidth = 4\nheight = 4\nfilter = "bilinear"\ncolour = "rgb"\nfit = "squash"\n'
UNIT = "scale = 0.00392156862745098   # 1/255\n"
# Three means and three deviations, all different, so that a mixed-up order shows.
NORMALISED = UNIT + "mean = [0.5, 0.25, 0.0]\nstd = [0.25, 0.25, 0.5]\n"
LOGITS = 'tensor = "logits"\nactivation = "softmax"\nclasses = 3\n'
RGB_SQUASH, BGR_SQUASH, RGB_CROP = ('colour = "rgb"\nfit = "squash"\n', 'colour = "bgr"\nfit = "squash"\n',
                                    'colour = "rgb"\nfit = "crop"\nresize_shortest = 4\n')


def manifest(name, weights, input_, output, task="watch", default=False, threshold=0.5, golden=""):
    data = (HERE / f"{weights}.onnx").read_bytes()
    lines = [f'task = "{task}"'] + ["default = true"] * default + [
        f'file = "{weights}.onnx"', f'sha256 = "{hashlib.sha256(data).hexdigest()}"', f"bytes = {len(data)}", "urls = []",
        'license = "MIT OR Apache-2.0"', 'source = "made by tests/models/make.py"', "", "[input]", input_.rstrip(), "",
        "[output]", output.rstrip()]
    if task == "watch":
        lines += ["", "[threshold]", f"default = {threshold}", 'measured_on = "nothing: red pictures are watches"']
    if golden:
        lines += ["", "[golden]", golden]
    (HERE / f"{name}.toml").write_text("\n".join(lines) + "\n")


manifest("tiny-watch", "tiny-means", FLOATS + RGB_SQUASH + NORMALISED, LOGITS + LABELS + '\nfeatures = "means"', default=True)
manifest("tiny-watch-bgr", "tiny-means", FLOATS + BGR_SQUASH + NORMALISED,
         LOGITS + 'labels = "tiny-labels-bgr.txt"\npositive = [2]')
manifest("tiny-watch-crop", "tiny-means", FLOATS + RGB_CROP + NORMALISED, LOGITS + LABELS)
manifest("tiny-watch-probabilities", "tiny-softmax", FLOATS + RGB_SQUASH + UNIT,
         'tensor = "probabilities"\nactivation = "none"\nclasses = 3\n' + LABELS)
manifest("tiny-watch-nan", "tiny-nan", FLOATS + RGB_SQUASH + UNIT, 'tensor = "roots"\nactivation = "softmax"\nclasses = 3\n' + LABELS)
manifest("tiny-watch-broken", "tiny-broken", FLOATS + RGB_SQUASH + UNIT, LOGITS + LABELS)
manifest("tiny-watch-down", "tiny-down", FLOATS + RGB_SQUASH + UNIT, LOGITS + LABELS)
for batch in (1, 2):
    manifest(f"tiny-watch-bytes-{batch}", f"tiny-bytes-{batch}", BYTES + f"batch = {batch}\n",
             'tensor = "bytes"\nactivation = "none"\nscale = 0.00390625\nclasses = 3\nbackground_offset = 1\n'
             'labels = "tiny-labels.txt"\npositive = [0]', golden='image = "tiny-golden.bmp"\nexpected = 0.5')
manifest("tiny-quality", "tiny-quality", FLOATS + RGB_SQUASH + UNIT,
         'tensor = "distribution"\nactivation = "none"\nclasses = 10\nfeatures = "means"', task="quality", default=True)
# A picture whose channels add up to 256, which the models of bytes need: 4×4 of (64, 128, 64).
(HERE / "tiny-golden.bmp").write_bytes(
    struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + 48, 0, 0, 54, 40, 4, 4, 1, 24, 0, 48, 2835, 2835, 0, 0) + bytes([64, 128, 64] * 16))
(HERE / "tiny-labels.txt").write_text("red\ngreen\nblue\n")
(HERE / "tiny-labels-bgr.txt").write_text("blue\ngreen\nred\n")
(HERE / "tiny-ensemble.toml").write_text(
    'task = "watch"\nmembers = [{ name = "tiny-watch", weight = 3.0 }, { name = "tiny-watch-bgr", weight = 1.0 }]\n\n'
    '[threshold]\ndefault = 0.5\nmeasured_on = "nothing: red pictures are watches"\n')
