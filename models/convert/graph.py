"""A Keras network as an ONNX graph: channels first, any batch, the pooled features as a second output.

Written layer by layer instead of traced through TensorFlow: the few kinds of layer that these networks have need no
converter, and the file holds nothing but them.
"""

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

OPSET = 17
# Every ONNX Runtime since 1.13 reads it.
IR_VERSION = 8
INPUT, PROBABILITIES, FEATURES = "image", "probabilities", "features"


class Unknown(Exception):
    """The network has a layer that this module cannot write."""


class Graph:
    """Nodes and constants, as they come together."""

    def __init__(self):
        self.nodes, self.constants, self.names = [], [], {}

    def constant(self, name: str, value) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], name: str, **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name


def export(model, features_layer: str):
    """`model` as an ONNX ModelProto: image [batch, 3, h, w] → probabilities [batch, classes], features [batch, n]."""
    graph = Graph()
    outputs = {}
    for layer in model.layers:
        if type(layer).__name__ == "InputLayer":
            name = INPUT
        else:
            node = layer._inbound_nodes[0]
            name = write(graph, layer, [graph.names[id(tensor)] for tensor in node.input_tensors])
        graph.names[id(layer.output)] = name
        outputs[layer.name] = name
    probabilities = graph.node("Identity", [graph.names[id(model.output)]], PROBABILITIES)
    features = graph.node("Identity", [outputs[features_layer]], FEATURES)
    _, height, width, channels = model.input.shape
    made = helper.make_graph(
        graph.nodes,
        model.name,
        [value(INPUT, [channels, height, width])],
        [value(probabilities, [model.output.shape[-1]]), value(features, [model.get_layer(features_layer).output.shape[-1]])],
        graph.constants,
    )
    proto = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="chronograde", ir_version=IR_VERSION)
    checker.check_model(proto, full_check=True)
    return proto


def value(name: str, shape: list[int]):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])


def write(graph: Graph, layer, inputs: list[str]) -> str:
    """The layer's nodes; the name of what it puts out."""
    kind = type(layer).__name__
    if kind not in WRITERS:
        raise Unknown(f"layer {layer.name} is a {kind}, which models/convert/graph.py does not write yet")
    return WRITERS[kind](graph, layer, inputs)


def convolution(graph, layer, inputs):
    kernel, *bias = layer.get_weights()
    if type(layer).__name__ == "DepthwiseConv2D":
        height, width, channels, multiplier = kernel.shape
        kernel, groups = kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width), channels
    else:
        kernel, groups = kernel.transpose(3, 2, 0, 1), layer.groups
    constants = [graph.constant(f"{layer.name}.kernel", kernel)]
    constants += [graph.constant(f"{layer.name}.bias", values) for values in bias]
    dilations = list(layer.dilation_rate)
    window = [(size - 1) * step + 1 for size, step in zip(layer.kernel_size, dilations)]
    name = graph.node(
        "Conv", inputs + constants, layer.name, kernel_shape=list(layer.kernel_size), strides=list(layer.strides),
        dilations=dilations, group=groups, pads=pads(layer, window),
    )
    return activated(graph, name, layer.activation)


def pads(layer, window) -> list[int]:
    """Rows above, columns left, rows below, columns right: Keras' "same" puts the odd one last."""
    if layer.padding == "valid":
        return [0, 0, 0, 0]
    totals = []
    for size, edge, stride in zip(layer.input.shape[1:3], window, layer.strides):
        totals.append(max((-(-size // stride) - 1) * stride + edge - size, 0))
    return [total // 2 for total in totals] + [total - total // 2 for total in totals]


def normalisation(graph, layer, inputs):
    given = {weight.name: value for weight, value in zip(layer.weights, layer.get_weights())}
    mean = given["moving_mean"]
    parts = {
        "gamma": given.get("gamma", np.ones_like(mean)), "beta": given.get("beta", np.zeros_like(mean)),
        "mean": mean, "variance": given["moving_variance"],
    }
    constants = [graph.constant(f"{layer.name}.{part}", values) for part, values in parts.items()]
    return graph.node("BatchNormalization", inputs + constants, layer.name, epsilon=layer.epsilon)


def activated(graph, name, activation):
    kind = getattr(activation, "__name__", str(activation))
    if kind == "linear":
        return name
    if kind == "relu":
        return graph.node("Relu", [name], f"{name}.relu")
    if kind == "softmax":
        return graph.node("Softmax", [name], f"{name}.softmax", axis=1)
    raise Unknown(f"layer {name} has the activation {kind}, which models/convert/graph.py does not write yet")


def relu(graph, layer, inputs):
    if layer.negative_slope or layer.threshold:
        raise Unknown(f"layer {layer.name} is a ReLU with a slope or a threshold")
    if layer.max_value is None:
        return graph.node("Relu", inputs, layer.name)
    bounds = [graph.constant(f"{layer.name}.{end}", np.float32(bound)) for end, bound in (("low", 0), ("high", layer.max_value))]
    return graph.node("Clip", inputs + bounds, layer.name)


def padding(graph, layer, inputs):
    (top, bottom), (left, right) = layer.padding
    amounts = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
    return graph.node("Pad", inputs + [graph.constant(f"{layer.name}.amounts", amounts)], layer.name)


def pooling(operator, **attributes):
    def pool(graph, layer, inputs):
        size = list(layer.pool_size)
        return graph.node(operator, inputs, layer.name, kernel_shape=size, strides=list(layer.strides), pads=pads(layer, size), **attributes)

    return pool


def global_average(graph, layer, inputs):
    pooled = graph.node("GlobalAveragePool", inputs, layer.name)
    return graph.node("Flatten", [pooled], f"{layer.name}.flat", axis=1)


def scaled_sum(graph, layer, inputs):
    """Inception-ResNet's residual: the trunk plus the branch times a constant."""
    trunk, branch = inputs
    factor = graph.constant(f"{layer.name}.scale", np.float32(layer.scale))
    return graph.node("Add", [trunk, graph.node("Mul", [branch, factor], f"{layer.name}.scaled")], layer.name)


def dense(graph, layer, inputs):
    kernel, *bias = layer.get_weights()
    constants = [graph.constant(f"{layer.name}.kernel", kernel)] + [graph.constant(f"{layer.name}.bias", values) for values in bias]
    return activated(graph, graph.node("Gemm", inputs + constants, layer.name), layer.activation)


WRITERS = {
    "Activation": lambda graph, layer, inputs: activated(graph, graph.node("Identity", inputs, layer.name), layer.activation),
    "Add": lambda graph, layer, inputs: graph.node("Add", inputs, layer.name),
    "AveragePooling2D": pooling("AveragePool", count_include_pad=0),
    "BatchNormalization": normalisation,
    "Concatenate": lambda graph, layer, inputs: graph.node("Concat", inputs, layer.name, axis=1),
    "Conv2D": convolution,
    "CustomScaleLayer": scaled_sum,
    "Dense": dense,
    "DepthwiseConv2D": convolution,
    "Dropout": lambda graph, layer, inputs: inputs[0],
    "GlobalAveragePooling2D": global_average,
    "MaxPooling2D": pooling("MaxPool"),
    "ReLU": relu,
    "ZeroPadding2D": padding,
}
