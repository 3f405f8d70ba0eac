"""Weights in Keras's layout, against sums written out and SciPy; what is said without Keras.

Keras itself and ONNX Runtime take seconds to start: tools/check_frameworks.py holds both to the
scores of PyTorch.
"""

import os
import sys
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import check_frameworks
import numpy as np
import pytest
import torch
from check_frameworks import Row
from scipy.signal import correlate
from torch import nn

from lenetcourse import (
    MLP,
    CourseError,
    LeNet5,
    PaddedCNN,
    SmallUNet,
    UsageError,
    WideCNN,
    dense_to_keras,
    export_onnx,
    import_keras,
    keras_lenet5,
    keras_weights,
    keras_wide_cnn,
    kernels_to_keras,
    load_keras_weights,
    onnx_scores,
)
from lenetcourse.models.keras_form import dense_from_keras, kernels_from_keras


def numbers(*shape, seed=0):
    return torch.randint(-9, 10, shape, generator=torch.Generator().manual_seed(seed))


# The order of the numbers


def test_kernels():
    weight = numbers(4, 3, 2, 5)
    there = kernels_to_keras(weight)
    assert there.shape == (2, 5, 3, 4)
    for o, i, row, column in product(range(4), range(3), range(2), range(5)):
        assert there[row, column, i, o] == weight[o, i, row, column]
    assert torch.equal(kernels_from_keras(there), weight)


def test_dense_after_two_maps_of_2x2_by_hand():
    """Maps 0 1 / 2 3 and 4 5 / 6 7: Keras meets the first pixel of both maps first."""
    weight = torch.arange(8)[None]
    assert dense_to_keras(weight, channels=2).T.tolist() == [[0, 4, 1, 5, 2, 6, 3, 7]]
    assert dense_to_keras(weight).T.tolist() == [list(range(8))]


@pytest.mark.parametrize("shape", [(1, 2, 2), (2, 2, 2), (3, 2, 4), (16, 4, 4), (7, 1, 1)])
def test_dense_gives_the_same_sums(shape):
    maps, weight = numbers(5, *shape), numbers(6, np.prod(shape).item(), seed=1)
    there = dense_to_keras(weight, channels=shape[0])
    sums = maps.flatten(1) @ weight.T
    assert torch.equal(maps.movedim(1, -1).flatten(1) @ there, sums)
    assert torch.equal(dense_from_keras(there, shape[0]), weight)
    is_plain = torch.equal(maps.movedim(1, -1).flatten(1) @ weight.T, sums)
    assert is_plain == (shape[0] == 1 or shape[1:] == (1, 1))  # else the order matters


# Whole networks, computed in Keras's layout by SciPy


def convolved(image, kernel, bias, padding):
    """Return the maps (h, w, out) of an image (h, w, in)."""
    before, after = padding
    image = np.pad(image, ((before, after), (before, after), (0, 0)))
    maps = [
        sum(correlate(image[..., i], k[..., i], mode="valid") for i in range(image.shape[-1]))
        for k in np.moveaxis(kernel, -1, 0)
    ]
    return np.stack(maps, axis=-1) + bias


def pooled(maps):
    height, width = (2 * (side // 2) for side in maps.shape[:2])
    return maps[:height, :width].reshape(height // 2, 2, width // 2, 2, -1).max((1, 3))


def scores_in_keras_layout(arrays, image, paddings):
    """Return the scores of an image (h, w, channels): ReLU after all layers but the last."""
    pairs = list(zip(arrays[::2], arrays[1::2], strict=True))
    x = image
    for number, (kernel, bias) in enumerate(pairs, start=1):
        if kernel.ndim == 4:
            x = pooled(convolved(x, kernel, bias, next(paddings)))
        else:
            x = x.reshape(-1) @ kernel + bias
        x = x if number == len(pairs) else np.maximum(x, 0)
    return x


NETWORKS = {
    "LeNet-5": (LeNet5(), [(0, 0), (0, 0)]),
    "in colour, odd size": (LeNet5((3, 8), 0.5, 29, 7, in_channels=3), [(0, 0), (0, 0)]),
    "wide": (WideCNN(), [(1, 1), (0, 1)]),
    "wide, size 30": (WideCNN(hidden=5, input_size=30), [(1, 1), (0, 1)]),
    "padded": (PaddedCNN(), [(2, 2), (0, 0)]),
    "no convolution, colour": (MLP((9, 5), input_size=6, in_channels=3), []),
}
networks = pytest.mark.parametrize(("model", "paddings"), NETWORKS.values(), ids=list(NETWORKS))


@networks
def test_scores_in_keras_layout(model, paddings):
    size, channels = model.settings["input_size"], model.settings["in_channels"]
    image = torch.rand(channels, size, size, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = model.eval()(image[None])[0]
    arrays = keras_weights(model)
    found = scores_in_keras_layout(arrays, image.movedim(0, -1).numpy(), iter(paddings))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@networks
def test_there_and_back(model, paddings):
    twin = type(model)(**model.settings)
    arrays = keras_weights(model)
    load_keras_weights(twin, arrays)
    for name, value in model.state_dict().items():
        assert torch.equal(twin.state_dict()[name], value), name
    arrays[0][:] = 7  # a copy: the network does not change with it
    assert not (next(model.parameters()) == 7).any()
    assert not (next(twin.parameters()) == 7).any()


def test_a_convolution_in_place_of_the_first_dense_layer():
    """Its kernel is as large as the maps: in Keras's layout the dense weights are its rows."""
    model = LeNet5(conv3=True)
    shapes = [array.shape for array in keras_weights(model)]
    assert shapes[4:8] == [(4, 4, 16, 120), (120,), (120, 84), (84,)]


def test_weights_of_another_network_change_nothing():
    model = LeNet5()
    before = keras_weights(model)
    for arrays in (keras_weights(LeNet5((3, 8))), before[:-1], [], [a.T for a in before]):
        with pytest.raises(UsageError, match=r"LeNet5 needs \(5, 5, 1, 6\), \(6,\), .* not "):
            load_keras_weights(model, arrays)
    assert all(map(np.array_equal, keras_weights(model), before))


@pytest.mark.parametrize(
    ("model", "layer"),
    [(SmallUNet(), "ConvTranspose2d"), (nn.Sequential(nn.Linear(2, 2, bias=False)), "0 of Seq.*")],
)
def test_other_layers_are_refused(model, layer):
    with pytest.raises(UsageError, match=f"{layer}.*: only convolutions and dense layers with"):
        keras_weights(model)


# Where Keras or ONNX is not, or is another


@pytest.mark.parametrize("make", [import_keras, keras_lenet5, keras_wide_cnn])
def test_no_keras(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)  # what Python holds of a module that is not
    with pytest.raises(CourseError, match=r"not installed here: pip install 'lenetcourse\[keras\]"):
        make()


def test_arguments_are_checked_before_keras_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(UsageError, match="input_size 15"):
        keras_lenet5(input_size=15)
    with pytest.raises(UsageError, match="dropout is a probability"):
        keras_wide_cnn(dropout=1)


@pytest.mark.parametrize(
    ("version", "backend", "message"),
    [("2.15.0", "tensorflow", "2.15.0 is too old"), ("3.4.1", "jax", "Keras runs on jax in this")],
)
def test_another_keras(version, backend, message, monkeypatch):
    keras = SimpleNamespace(__version__=version, backend=SimpleNamespace(backend=lambda: backend))
    monkeypatch.setitem(sys.modules, "keras", keras)
    with pytest.raises(CourseError, match=message):
        import_keras()


STAND_IN = """
import os
from types import SimpleNamespace
__version__ = "3.0"
read = {name: value for name, value in os.environ.items() if name.startswith("KERAS_")}
backend = SimpleNamespace(backend=lambda: read["KERAS_BACKEND"])
"""


@pytest.mark.parametrize("own", [None, "a folder"])
def test_what_keras_reads_while_it_is_imported(own, tmp_path, monkeypatch):
    (tmp_path / "keras.py").write_text(STAND_IN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.delenv("KERAS_HOME", raising=False)
    if own:
        monkeypatch.setenv("KERAS_HOME", own)
    before = dict(os.environ)
    try:
        read = import_keras().read
    finally:
        sys.modules.pop("keras", None)
    assert read["KERAS_BACKEND"] == "torch"
    if own:
        assert read["KERAS_HOME"] == own
    else:
        assert Path(read["KERAS_HOME"]).parent.name == "lenetcourse"  # in the course's cache
    assert dict(os.environ) == before


def test_no_onnx(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(CourseError, match=r"onnxscript is not .* 'lenetcourse\[onnx\]'"):
        export_onnx(LeNet5(), tmp_path / "x.onnx")
    with pytest.raises(CourseError, match="onnxruntime is not installed here"):
        onnx_scores(tmp_path / "x.onnx", torch.zeros(1, 1, 28, 28))
    assert not list(tmp_path.iterdir())


# tools/check_frameworks.py


@pytest.mark.parametrize(("difference", "code"), [(1e-6, 0), (1e-5, 0), (2e-5, 1), (np.nan, 1)])
def test_a_difference_above_its_bound(difference, code, monkeypatch, capsys):
    keras = SimpleNamespace(device=lambda name: nullcontext())
    monkeypatch.setattr(check_frameworks.lc, "import_keras", lambda: keras)
    rows = [Row("scores", difference, 1e-5), Row("files", 0, 0)]
    monkeypatch.setattr(check_frameworks, "all_rows", lambda folder: iter(rows))
    assert check_frameworks.main([]) == code
    scores, files = capsys.readouterr().out.splitlines()
    assert scores.endswith("WRONG") == bool(code)
    assert files.endswith("(bound 0)")


def test_nothing_to_compare_with(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "keras", None)
    assert check_frameworks.main([]) == 2
    assert "check_frameworks: Keras 3 is not installed here" in capsys.readouterr().err
