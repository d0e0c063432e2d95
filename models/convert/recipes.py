"""The networks that can be converted: how each is built, and what its manifest says."""

from collections.abc import Callable
from dataclasses import dataclass

SIDE_PX = 224
BINS = 10
# analog clock, digital clock, digital watch, stopwatch, wall clock
TIMEPIECES = [409, 530, 531, 826, 892]


@dataclass(frozen=True)
class Scaling:
    """value = (pixel · scale − mean) / std, mean in the order in which the network receives the colours."""

    colour: str = "rgb"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)


RAW = Scaling()
CAFFE = Scaling(colour="bgr", mean=(103.939, 116.779, 123.68))
# 2/255: value = 2·pixel/255 − 1
SYMMETRIC = Scaling(scale=2 / 255, mean=(1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Recipe:
    """One network with its manifest's particulars. `build` makes the Keras model, `original` is its own preprocessing."""

    task: str
    title: str
    source: str
    build: Callable
    original: Callable
    scaling: Scaling
    license: str | None = None
    threshold: tuple[float, str] | None = None
    classes: int = BINS


def resnet50():
    from keras.applications import ResNet50

    return ResNet50(weights=None, input_shape=(SIDE_PX, SIDE_PX, 3))


def with_bins(base):
    """NIMA's head: dropout, which does nothing here, and the ten bins."""
    import keras

    bins = keras.layers.Dense(BINS, activation="softmax", name="dense")
    return keras.Model(base.input, bins(keras.layers.Dropout(0.75)(base.output)), name=base.name)


def nima_inception_resnet_v2():
    from keras.applications import InceptionResNetV2

    return with_bins(InceptionResNetV2(weights=None, include_top=False, pooling="avg", input_shape=(SIDE_PX, SIDE_PX, 3)))


def nima_mobilenet():
    from keras.applications import MobileNet

    return with_bins(MobileNet(weights=None, include_top=False, pooling="avg", input_shape=(SIDE_PX, SIDE_PX, 3)))


def keras_preprocessing(module: str) -> Callable:
    def prepare(pixels):
        import keras

        return getattr(keras.applications, module).preprocess_input(pixels.copy())

    return prepare


def watch(title: str, scaling: Scaling, original: Callable, threshold=None) -> Recipe:
    return Recipe(
        "watch", title, "Keras ResNet50 (ImageNet), converted by models/convert", resnet50, original, scaling,
        threshold=threshold, classes=1000,
    )


def quality(title: str, source: str, build: Callable, module: str, license=None) -> Recipe:
    source += ", converted by models/convert"
    return Recipe("quality", title, source, build, keras_preprocessing(module), SYMMETRIC, license)


TITU = "titu1994/neural-image-assessment"
IDEALO = "idealo/image-quality-assessment"
RECIPES = {
    "resnet50-keras": watch("ResNet50 (Keras)", CAFFE, keras_preprocessing("resnet50")),
    "resnet50-notebook": watch(
        "ResNet50 (Keras, as the notebook fed it)", RAW, lambda pixels: pixels,
        (0.01, "the notebook's figure, without a record of what it was measured on"),
    ),
    "nima-inception-resnet-v2": quality(
        "aesthetic quality (NIMA Inception-ResNet-v2)", TITU, nima_inception_resnet_v2, "inception_resnet_v2"
    ),
    "nima-mobilenet": quality("aesthetic quality (NIMA MobileNet)", TITU, nima_mobilenet, "mobilenet"),
    "idealo-mobilenet-aesthetic": quality("aesthetic quality (idealo MobileNet)", IDEALO, nima_mobilenet, "mobilenet", "Apache-2.0"),
    "idealo-mobilenet-technical": quality("technical quality (idealo MobileNet)", IDEALO, nima_mobilenet, "mobilenet", "Apache-2.0"),
}


def pooled_layer(model) -> str:
    """The layer whose output is kept as features: the last global pooling."""
    return [layer.name for layer in model.layers if type(layer).__name__ == "GlobalAveragePooling2D"][-1]
