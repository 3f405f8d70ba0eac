"""Networks of the course in Keras 3, and weights on their way from PyTorch to Keras and back.

Keras is no requirement of the course: `pip install 'lenetcourse[keras]'` brings it. It runs on
PyTorch here, so that both forms compute with the same convolutions.

What differs is the order of the numbers. Images: (n, channels, h, w) in PyTorch, (n, h, w,
channels) in Keras. Kernels: (out, in, h, w) and (h, w, in, out). Dense weights: (out, in) and
(in, out); and where the maps were flattened, `in` counts channel, row, column in PyTorch and row,
column, channel in Keras.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lenetcourse.data.download import cache_folder
from lenetcourse.errors import CourseError, UsageError
from lenetcourse.models.lenet import LeNet5
from lenetcourse.models.small import WideCNN

if TYPE_CHECKING:
    import numpy as np
    from keras import Sequential

LAST = {"data_format": "channels_last"}  # Keras's default, unless a reader's keras.json has another


def import_keras() -> ModuleType:
    """Return Keras 3, running on PyTorch.

    Keras chooses what it runs on when it is first imported, and leaves a file of settings in the
    home directory. Here it gets PyTorch, and keeps its file in the cache of the course, unless
    KERAS_HOME names a folder. Raises CourseError when Keras is not installed, is older than version
    3, or runs on something else in this process already.
    """
    try:
        with _environment_of_keras():
            import keras
    except ImportError:
        raise CourseError(
            "Keras 3 is not installed here: pip install 'lenetcourse[keras]'"
        ) from None
    if int(keras.__version__.split(".")[0]) < 3:
        raise CourseError(f"Keras {keras.__version__} is too old: pip install 'lenetcourse[keras]'")
    if keras.backend.backend() != "torch":
        raise CourseError(
            f"Keras runs on {keras.backend.backend()} in this process already: start it again, and "
            "call lenetcourse.import_keras() before anything else imports Keras"
        )
    return keras


@contextlib.contextmanager
def _environment_of_keras() -> Iterator[None]:
    """Set the variables that Keras reads while it is imported, and put them back."""
    wanted = {"KERAS_BACKEND": "torch"}
    folder = cache_folder() / "keras"
    if "KERAS_HOME" not in os.environ and folder.is_absolute():
        wanted["KERAS_HOME"] = str(folder)
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def keras_lenet5(
    kernels: tuple[int, int] = (6, 16),
    dropout: float = 0.0,
    input_size: int = 28,
    num_classes: int = 10,
    in_channels: int = 1,
) -> Sequential:
    """Return LeNet-5 in Keras, with weights as Keras draws them; arguments as of `LeNet5`.

    It maps images (n, size, size, in_channels) in [0, 1] to scores (n, num_classes). Raises
    CourseError as `import_keras` does, and UsageError as `LeNet5` does.
    """
    with torch.device("meta"):  # only for its checks: it takes no memory
        LeNet5(kernels, dropout, input_size, num_classes, in_channels)
    keras = import_keras()
    layers = keras.layers
    steps = [
        keras.Input((input_size, input_size, in_channels)),  # (n, 28, 28, 1)
        layers.Conv2D(kernels[0], 5, activation="relu", name="conv1", **LAST),  # (n, 24, 24, 6)
        layers.MaxPooling2D(name="pool1", **LAST),  # (n, 12, 12, 6)
        layers.Dropout(dropout, name="dropout1"),
        layers.Conv2D(kernels[1], 5, activation="relu", name="conv2", **LAST),  # (n, 8, 8, 16)
        layers.MaxPooling2D(name="pool2", **LAST),  # (n, 4, 4, 16)
        layers.Dropout(dropout, name="dropout2"),
        layers.Flatten(name="flatten", **LAST),  # (n, 256)
        layers.Dense(120, activation="relu", name="fc1"),
        layers.Dropout(dropout, name="dropout3"),
        layers.Dense(84, activation="relu", name="fc2"),
        layers.Dropout(dropout, name="dropout4"),
        layers.Dense(num_classes, name="fc3"),  # (n, 10)
    ]
    return keras.Sequential([s for s in steps if dropout or not isinstance(s, layers.Dropout)])


def keras_wide_cnn(
    hidden: int = 128,
    dropout: float = 0.5,
    num_classes: int = 10,
    input_size: int = 28,
    in_channels: int = 1,
) -> Sequential:
    """Return `WideCNN` in Keras, with weights as Keras draws them; arguments as there.

    Convolution, pooling, convolution, pooling, dense, dropout, output: as a course text describes
    its first network in Keras, without the sizes. It maps images (n, size, size, in_channels) in
    [0, 1] to scores (n, num_classes). Raises CourseError as `import_keras` does, and UsageError as
    `WideCNN` does.
    """
    with torch.device("meta"):
        WideCNN(hidden, dropout, num_classes, input_size, in_channels)
    keras = import_keras()
    layers = keras.layers
    same = {"padding": "same", "activation": "relu", **LAST}
    return keras.Sequential(
        [
            keras.Input((input_size, input_size, in_channels)),  # (n, 28, 28, 1)
            layers.Conv2D(32, 3, name="conv1", **same),  # (n, 28, 28, 32)
            layers.MaxPooling2D(name="pool1", **LAST),  # (n, 14, 14, 32)
            layers.Conv2D(64, 2, name="conv2", **same),  # (n, 14, 14, 64)
            layers.MaxPooling2D(name="pool2", **LAST),  # (n, 7, 7, 64)
            layers.Flatten(name="flatten", **LAST),  # (n, 3136)
            layers.Dense(hidden, activation="relu", name="fc1"),
            layers.Dropout(dropout, name="dropout"),
            layers.Dense(num_classes, name="fc2"),  # (n, 10)
        ]
    )


def kernels_to_keras(weight: Tensor) -> Tensor:
    """Return a convolution's kernels (out, in, h, w) as Keras has them: (h, w, in, out)."""
    return weight.permute(2, 3, 1, 0)


def kernels_from_keras(weight: Tensor) -> Tensor:
    """Return a convolution's kernels (h, w, in, out) as PyTorch has them: (out, in, h, w)."""
    return weight.permute(3, 2, 0, 1)


def dense_to_keras(weight: Tensor, channels: int = 1) -> Tensor:
    """Return a dense layer's weights (out, in) as Keras has them: (in, out).

    `channels` is the number of maps that were flattened before this layer: then `in` is in the
    order channel, row, column, and comes out in the order row, column, channel.
    """
    return weight.unflatten(1, (channels, -1)).permute(2, 1, 0).flatten(0, 1)


def dense_from_keras(weight: Tensor, channels: int = 1) -> Tensor:
    """Return a dense layer's weights (in, out) as PyTorch has them: undo `dense_to_keras`."""
    return weight.unflatten(0, (-1, channels)).permute(2, 1, 0).flatten(1)


def keras_weights(model: nn.Module) -> list[np.ndarray]:
    """Return the weights of `model` in Keras's layout, for `set_weights` of its Keras form.

    Two arrays a layer, kernel and bias, in the order of the layers. `model` is a network of the
    course made of convolutions and dense layers; its layers run in the order in which it names
    them. Needs no Keras. Raises UsageError for a network with other layers.
    """
    tensors = []
    for _, layer, channels in _layers(model):
        is_dense = isinstance(layer, nn.Linear)
        weight = layer.weight
        tensors.append(dense_to_keras(weight, channels) if is_dense else kernels_to_keras(weight))
        tensors.append(layer.bias)
    return [tensor.detach().cpu().numpy().copy() for tensor in tensors]


def load_keras_weights(model: nn.Module, weights: Sequence[np.ndarray]) -> None:
    """Put `weights`, as `get_weights` of a network in Keras returns them, into `model`.

    The inverse of `keras_weights`, for the same networks. Raises UsageError, and changes nothing,
    when there are more or fewer arrays than `model` has or one has another shape.
    """
    wanted = keras_weights(model)
    if [a.shape for a in wanted] != [a.shape for a in weights]:
        raise UsageError(
            f"{type(model).__name__} needs {_shapes(wanted)} from Keras, not {_shapes(weights)}"
        )
    arrays = iter(torch.tensor(array) for array in weights)
    state = {}
    for name, layer, channels in _layers(model):
        weight, state[f"{name}.bias"] = next(arrays), next(arrays)
        is_dense = isinstance(layer, nn.Linear)
        weight = dense_from_keras(weight, channels) if is_dense else kernels_from_keras(weight)
        state[f"{name}.weight"] = weight
    model.load_state_dict(state)


def _layers(model: nn.Module) -> Iterator[tuple[str, nn.Module, int]]:
    """Give name, layer, and the number of maps that are flattened before it, of each with weights.

    Raises UsageError for a layer that is neither a convolution nor dense, or has no biases.
    """
    channels = getattr(model, "settings", {}).get("in_channels", 1)
    for name, layer in model.named_modules():
        if list(layer.children()) or not list(layer.parameters()):
            continue
        if not isinstance(layer, nn.Conv2d | nn.Linear) or layer.bias is None:
            raise UsageError(
                f"{name} of {type(model).__name__}, {layer}: only convolutions and dense layers "
                "with biases go to Keras and back"
            )
        yield name, layer, channels
        channels = layer.out_channels if isinstance(layer, nn.Conv2d) else 1


def _shapes(arrays: Sequence[np.ndarray]) -> str:
    return ", ".join(str(tuple(array.shape)) for array in arrays) or "nothing"
