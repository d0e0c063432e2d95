"""Random weights under which a deep network's output still depends on its input; for tests and benches."""

import numpy as np


def randomise(model, pictures: np.ndarray, seed: int) -> None:
    """Gives every layer weights. The normalisations take their statistics from `pictures`, prepared as the network wants
    them: otherwise the signal would grow or fade from layer to layer, and every picture would get the same answer."""
    draw = np.random.default_rng(seed)
    last = model.layers[-1].name
    for layer in model.layers:
        if layer.weights:
            # A sharper last layer, so that pictures get different classes.
            gain = 3.0 if layer.name == last else 1.0
            layer.set_weights([values(weight.name, tuple(weight.shape), draw, gain) for weight in layer.weights])
    normalisations = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    for layer in normalisations:
        layer.momentum = 0.0
    model(pictures, training=True)


def values(role: str, shape: tuple[int, ...], draw: np.random.Generator, gain: float) -> np.ndarray:
    if role == "kernel":
        made = draw.normal(0, gain * np.sqrt(2 / np.prod(shape[:-1])), shape)
    elif role == "depthwise_kernel":
        made = draw.normal(0, np.sqrt(2 / np.prod(shape[:2])), shape)
    elif role in ("gamma", "moving_variance"):
        made = draw.uniform(0.8, 1.2, shape)
    else:
        made = draw.normal(0, 0.05, shape)
    return made.astype(np.float32)
