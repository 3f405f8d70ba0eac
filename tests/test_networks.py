"""Every network of the course by name and settings: saved, loaded, refused."""

import json

import pytest
import torch
from safetensors.torch import save

from lenetcourse import (
    VAE,
    LeNet5,
    LeNetSegmenter,
    SkipSegmenter,
    SmallUNet,
    load_model,
    save_model,
)
from lenetcourse.models.networks import CLASSIFIERS, NETWORKS, make_network
from lenetcourse.models.weights import WeightsError

OTHER_SETTINGS = {
    "LeNet5": {"kernels": [3, 8], "dropout": 0.25},
    "MLP": {"hidden": [30, 20]},
    "WideCNN": {"hidden": 16},
    "PaddedCNN": {},
    "SmallCNN": {"dropout": 0.1},
    "VAE": {"latent": 3, "hidden": 20},
    "LeNetSegmenter": {"final_relu": True},
    "SkipSegmenter": {},
    "SmallUNet": {},
    "ResidualNet": {"widths": [4, 6, 8], "residual": False},
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3)])
def test_what_was_saved_answers_the_same(tmp_path, name, size, channels):
    torch.manual_seed(0)
    sizes = {"in_channels": channels, "input_size": size}
    settings = OTHER_SETTINGS[name] | sizes
    if "Segmenter" in name or name in ("SmallUNet", "ResidualNet"):  # they take any size
        del settings["input_size"]
    model = make_network(name, settings).eval()
    save_model(model, tmp_path / "x.safetensors", seed=3)
    before = torch.get_rng_state()
    loaded, facts = load_model(tmp_path / "x.safetensors")
    assert torch.equal(before, torch.get_rng_state())
    assert type(loaded) is NETWORKS[name]
    assert loaded.settings == model.settings
    assert facts["seed"] == 3
    assert all(weight.requires_grad for weight in loaded.parameters())
    images = torch.rand(2, channels, size, size)
    torch.manual_seed(1)
    expected = model(images)
    torch.manual_seed(1)
    found = loaded(images)
    pairs = zip(expected, found, strict=True) if name == "VAE" else [(expected, found)]
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("kind", CLASSIFIERS.values())
@pytest.mark.parametrize("size", [16, 20, 29, 33])
def test_any_size_and_number_of_classes(kind, size):
    model = kind(num_classes=7, input_size=size, in_channels=3)
    assert model(torch.rand(2, 3, size, size)).shape == (2, 7)


@pytest.mark.parametrize("kind", CLASSIFIERS.values())
@pytest.mark.parametrize("wrong", [{"input_size": 0}, {"num_classes": 0}, {"in_channels": 0}])
def test_sizes_that_leave_nothing(kind, wrong):
    with pytest.raises(ValueError, match=r"least|nothing|needs a unit"):
        kind(**wrong)


@pytest.mark.parametrize("kind", [LeNetSegmenter, SkipSegmenter, SmallUNet])
def test_segmenters_in_colour(kind):
    assert kind(in_channels=3)(torch.rand(2, 3, 32, 48)).shape == (2, 1, 32, 48)


def test_a_vae_in_colour():
    outputs = VAE(input_size=12, in_channels=3)(torch.rand(2, 3, 12, 12))
    assert outputs.logits.shape == (2, 3 * 12 * 12)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("LeNet6", {}, "unknown network 'LeNet6': one of LeNet5, MLP"),
        ("nn.Linear", {}, "unknown network"),
        ("MLP", {"kernels": [6, 16]}, "MLP has no setting 'kernels': it has hidden, num_classes"),
        ("SmallUNet", {"depth": 4}, "SmallUNet has no setting 'depth': it has in_channels"),
        ("WideCNN", {"hidden": 10**9}, "size mismatch"),
        ("WideCNN", {"hidden": [8, 9]}, "no network that fits its weights"),
        ("WideCNN", {"hidden": 10**30}, "no network that fits its weights"),
        ("SmallCNN", {"dropout": 1}, "dropout is a probability"),
    ],
)
def test_files_that_name_what_is_not_there(tmp_path, name, settings, message):
    path = tmp_path / "x.safetensors"
    metadata = {"lenetcourse": json.dumps({"model": name, "settings": settings})}
    path.write_bytes(save(dict(LeNet5().state_dict()), metadata))
    with pytest.raises(WeightsError) as caught:
        load_model(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_network_of_somebody_else_is_not_saved(tmp_path):
    class LeNet5(torch.nn.Linear):
        settings = {}  # noqa: RUF012

    for model in (torch.nn.Linear(2, 2), LeNet5(2, 2)):
        with pytest.raises(ValueError, match="is none of LeNet5, MLP"):
            save_model(model, tmp_path / "x.safetensors")
    assert list(tmp_path.iterdir()) == []
