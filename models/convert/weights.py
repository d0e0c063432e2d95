"""Weights out of Keras HDF5 files (`save_weights`, or `save` with its `model_weights`) into a network built here.

A layer that its author named is found by name. Keras numbers the others in the order in which they were made (`conv2d_304`,
from wherever its counter stood), so that the n-th of a kind in the file is the n-th of that kind in the network.
Whatever does not fit is refused with a sentence that names it; nothing is skipped.
"""

import re
from pathlib import Path

import h5py
import numpy as np

NUMBERED = re.compile(r"^(conv2d|depthwise_conv2d|batch_normalization|dense)(?:_(\d+))?$")
WEIGHT_NAMES = {"kernel", "depthwise_kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"}
# The names of ResNet50's stages before Keras 2.2.
OLD_RESNET = re.compile(r"^(res|bn)([2-5])([a-f])_branch(1|2a|2b|2c)$")
OLD_RESNET_PARTS = {"1": "0", "2a": "1", "2b": "2", "2c": "3"}
OLD_RESNET_ENDS = {"conv1": "conv1_conv", "bn_conv1": "conv1_bn", "fc1000": "predictions"}
OLD_RESNET_EPSILON = 1e-3


class DoesNotFit(Exception):
    """The file's weights are not those of the network; the message says what differs."""


def load(model, path: Path) -> None:
    """Gives every layer of `model` its weights from the file at `path`."""
    stored = read(path)
    if "res2a_branch2a" in stored:
        stored = modern_resnet(stored)
        for layer in model.layers:
            if hasattr(layer, "epsilon"):
                layer.epsilon = OLD_RESNET_EPSILON
    wanted = {layer.name: layer for layer in model.layers if layer.weights}
    for name, source in pair(list(wanted), list(stored)).items():
        wanted[name].set_weights(checked(wanted[name], source, stored[source]))


def read(path: Path) -> dict[str, list[tuple[str, np.ndarray]]]:
    """The layers that have weights, in the file's order: per layer its (name, values)."""
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise DoesNotFit(f"{path.name} is not an HDF5 file, or is cut off: {error}") from error
    with file:
        group = file["model_weights"] if "model_weights" in file else file
        if "layer_names" not in group.attrs:
            hint = " It looks like Keras 3's own layout (.weights.h5): save it as legacy .h5." if "layers" in group else ""
            raise DoesNotFit(f"{path.name} has no attribute layer_names, so Keras' save_weights did not write it.{hint}")
        layers = {}
        for name in strings(group, "layer_names"):
            names = strings(group[name], "weight_names")
            if names:
                layers[name] = [(weight, np.asarray(group[name][weight])) for weight in names]
        return layers


def strings(group, attribute: str) -> list[str]:
    """An attribute that lists names. Keras cuts lists over 64 KiB into attribute0, attribute1, …"""
    parts = [attribute] if attribute in group.attrs else sorted(
        (key for key in group.attrs if re.fullmatch(attribute + r"\d+", key)), key=lambda key: int(key[len(attribute):])
    )
    values = [value for part in parts for value in group.attrs[part]]
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def modern_resnet(stored):
    """The layers under the names that Keras has used since 2.2."""

    def rename(name: str) -> str:
        stage = OLD_RESNET.match(name)
        if not stage:
            return OLD_RESNET_ENDS.get(name, name)
        kind = "conv" if stage[1] == "res" else "bn"
        return f"conv{stage[2]}_block{ord(stage[3]) - ord('a') + 1}_{OLD_RESNET_PARTS[stage[4]]}_{kind}"

    return {rename(name): weights for name, weights in stored.items()}


def pair(wanted: list[str], stored: list[str]) -> dict[str, str]:
    """Which of the stored layers each wanted one is."""
    pairs = {name: name for name in wanted if not NUMBERED.match(name)}
    missing = [name for name in pairs if name not in stored]
    if missing:
        raise DoesNotFit(f"the file has no layer {listed(missing)}; the network needs it")
    surplus = [name for name in stored if not NUMBERED.match(name) and name not in pairs]
    if surplus:
        raise DoesNotFit(f"the file has a layer {listed(surplus)}, which the network has not")
    ours, theirs = numbered(wanted), numbered(stored)
    for kind in sorted(ours.keys() | theirs.keys()):
        here, there = ours.get(kind, []), theirs.get(kind, [])
        if len(here) != len(there):
            raise DoesNotFit(f"the file has {len(there)} layers of the kind {kind} without a name of their own, the network {len(here)}")
        pairs.update(zip(here, there))
    return pairs


def numbered(names: list[str]) -> dict[str, list[str]]:
    """The layers that Keras named, by kind, in the order in which they were made."""
    kinds: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        if match := NUMBERED.match(name):
            kinds.setdefault(match[1], []).append((int(match[2] or 0), name))
    return {kind: [name for _, name in sorted(found)] for kind, found in kinds.items()}


def checked(layer, source: str, weights: list[tuple[str, np.ndarray]]) -> list[np.ndarray]:
    """The stored values, once their count, names and shapes are the layer's."""
    if len(weights) != len(layer.weights):
        raise DoesNotFit(f"layer {source} holds {len(weights)} tensors in the file, {len(layer.weights)} in the network")
    for (name, value), ours in zip(weights, layer.weights):
        role = name.split("/")[-1].split(":")[0]
        if role in WEIGHT_NAMES and role != ours.name:
            raise DoesNotFit(f"layer {source} holds {role} in the file where the network has {ours.name}")
        if value.shape != tuple(ours.shape):
            raise DoesNotFit(f"layer {source}, {ours.name}: the shape is {value.shape} in the file, {tuple(ours.shape)} in the network")
        if not np.isfinite(value).all():
            raise DoesNotFit(f"layer {source}, {ours.name}: the file holds values that are not finite")
    return [value for _, value in weights]


def listed(names: list[str], most: int = 3) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" (and {rest} more)" if rest > 0 else "")
