"""Times other ways to score the same pictures with the same networks. One JSON object a line, on stdout.

keras      the original recipe: load_img, img_to_array, predict on both networks, in batches of 1 and 16
python     a plain pipeline: Pillow, numpy, ONNX Runtime on both networks, batch 1
ort        ONNX Runtime alone, bare: one network, prepared tensors
openvino   OpenVINO alone, bare: one network, prepared tensors, in single precision and as int8 (the files of NETWORKS/int8)

Every peer has one uncounted pass of a batch before its clock starts, and its library's own choice of threads. Run by benches/peer/peers.sh.
"""

import argparse
import json
import os
import sys
import time
from itertools import cycle
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models" / "convert"))

import numpy as np

import graph
import parity
import weights
from recipes import RECIPES, SIDE_PX, Scaling

NETWORKS = ["resnet50-keras", "nima-inception-resnet-v2"]
BATCHES = [1, 16]


def timed(step, batches, images_per_batch: int, seconds: float) -> dict:
    """Runs `step` on one batch after another until `seconds` are over."""
    batches = cycle(batches)
    step(next(batches))
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        step(next(batches))
        count += 1
    images = count * images_per_batch
    return {"batch": images_per_batch, "images": images, "seconds": round(spent, 3), "images_per_second": round(images / spent, 3)}


def full_batches(items: list, size: int) -> list[tuple]:
    """Batches of exactly `size`; a short list is repeated to fill them."""
    repeated = items * -(-size // len(items))
    return [tuple(repeated[start : start + size]) for start in range(0, len(repeated) - size + 1, size)]


def keras_peer(folder: Path, images: list[Path], seconds: float):
    import keras

    models = {name: RECIPES[name].build() for name in NETWORKS}
    for name, model in models.items():
        weights.load(model, folder / f"{name}.h5")

    def step(paths):
        loaded = [keras.utils.img_to_array(keras.utils.load_img(path, target_size=(SIDE_PX, SIDE_PX))) for path in paths]
        for name, model in models.items():
            model.predict(np.stack([RECIPES[name].original(pixels) for pixels in loaded]), verbose=0)

    for size in BATCHES:
        yield {"network": "both", **timed(step, full_batches(images, size), size, seconds)}


def sessions(folder: Path, spinning: bool = True) -> dict:
    """One session per network. Threads that spin while their network waits take the cores from the other one."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    return {name: onnxruntime.InferenceSession(folder / f"{name}.onnx", options, providers=["CPUExecutionProvider"]) for name in NETWORKS}


def prepared(pixels: np.ndarray, scaling: Scaling) -> np.ndarray:
    """As `parity.tensor`, in single precision throughout, as one writes it for speed."""
    ordered = pixels[..., ::-1] if scaling.colour == "bgr" else pixels
    values = ordered.astype(np.float32) * np.float32(scaling.scale) - np.array(scaling.mean, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[np.newaxis])


def python_peer(folder: Path, images: list[Path], seconds: float):
    """As ONNX Runtime comes, and with the setting that suits two networks in turn: the better one is the peer to beat."""
    for spinning in (True, False):
        ready = sessions(folder, spinning)

        def step(paths):
            pixels = parity.load(paths[0])
            for name, session in ready.items():
                session.run([graph.PROBABILITIES], {graph.INPUT: prepared(pixels, RECIPES[name].scaling)})

        yield {"network": "both", "spinning": spinning, **timed(step, full_batches(images, 1), 1, seconds)}


def tensors(name: str, images: list[Path], size: int) -> list[np.ndarray]:
    ready = [prepared(parity.load(path), RECIPES[name].scaling) for path in images[: size * 4]]
    return [np.concatenate(batch) for batch in full_batches(ready, size)]


def ort_peer(folder: Path, images: list[Path], seconds: float):
    for name, session in sessions(folder).items():
        for size in BATCHES:
            run = lambda batch: session.run([graph.PROBABILITIES], {graph.INPUT: batch})
            yield {"network": name, **timed(run, tensors(name, images, size), size, seconds)}


def openvino_peer(folder: Path, images: list[Path], seconds: float):
    """Both of its ways to use two cores: one request at a time on all of them, and as many requests as it likes side by side."""
    import openvino

    core = openvino.Core()
    for precision, file in (("fp32", folder), ("int8", folder / "int8")):
        for name in NETWORKS:
            network = core.read_model(file / f"{name}.onnx")
            for size, hint in ((1, "LATENCY"), (16, "LATENCY"), (1, "THROUGHPUT"), (4, "THROUGHPUT")):
                network.reshape([size, 3, SIDE_PX, SIDE_PX])
                settings = {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": "f32"}
                queue = openvino.AsyncInferQueue(core.compile_model(network, "CPU", settings))

                def step(batches, queue=queue):
                    for batch in batches:
                        queue.start_async([batch])
                    queue.wait_all()

                # Enough at a time that waiting for the last one does not count.
                ready = tensors(name, images, size)
                many = [ready[index % len(ready)] for index in range(8 * len(queue))]
                line = timed(step, [many], size * len(many), seconds)
                yield {"network": name, "precision": precision, "hint": hint, "requests": len(queue), **line, "batch": size}


PEERS = {"keras": keras_peer, "python": python_peer, "ort": ort_peer, "openvino": openvino_peer}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", type=Path, help="folder that benches/peer/networks.sh filled")
    parser.add_argument("images", type=Path, help="folder of pictures")
    parser.add_argument("--peer", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--seconds", type=float, default=20, help="for each line (default: 20)")
    given = parser.parse_args()
    images = sorted(path for path in given.images.iterdir() if path.suffix.lower() in parity.SUFFIXES)
    missing = [name for network in NETWORKS for name in (f"{network}.onnx", f"{network}.h5") if not (given.networks / name).exists()]
    if missing:
        parser.error(f"{given.networks} has no {missing[0]}: benches/peer/networks.sh {given.networks} makes it")
    if not images:
        parser.error(f"{given.images} has no pictures")
    for peer in given.peer:
        for line in PEERS[peer](given.networks, images, given.seconds):
            print(json.dumps({"peer": peer, **line}), flush=True)


if __name__ == "__main__":
    main()
