"""Images changed at random: against SciPy and published formulas, the same for the same seed."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional as F

from lenetcourse import Batches, LeNet5, fit, load_dataset
from lenetcourse.train.augment import Augment, elastic_field
from lenetcourse.train.no_digits import NO_DIGIT, letters, spread_cross_entropy, two_digits
from lenetcourse.train.upstrokes import with_upstrokes

DIGITS = load_dataset("digits", "train").first(60)
NOTHING = {"turn": 0, "shear": 0, "stretch": 0, "shift": 0, "elastic": 0, "pen": 0, "hard": 0}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def only(**strengths):
    return Augment(**(NOTHING | strengths))


def floats(count=60):
    return DIGITS.images[:count].unsqueeze(1).float() / 255


# Shape, kind and range


@pytest.mark.parametrize(
    "images",
    [
        DIGITS.images,
        DIGITS.images.unsqueeze(1),
        floats(),
        floats().double(),
        floats().expand(-1, 3, -1, -1),
        torch.randint(256, (5, 3, 20, 31), dtype=torch.uint8, generator=seeded()),
        torch.rand(1, 1, 9, 14, generator=seeded()),
        torch.zeros(3, 28, 28, dtype=torch.uint8),
        torch.zeros(0, 28, 28, dtype=torch.uint8),
    ],
    ids=lambda images: f"{images.dtype} {tuple(images.shape)}",
)
def test_shape_kind_and_range_stay(images):
    before = images.clone()
    changed = Augment()(images, seeded())
    assert changed.shape == images.shape
    assert changed.dtype == images.dtype
    assert torch.equal(images, before)
    if changed.numel():
        assert changed.min() >= 0
        assert changed.max() <= (255 if images.dtype == torch.uint8 else 1 + 1e-6)
        assert torch.equal(images, changed) == (not images.any())
    assert torch.equal(only()(images, seeded()), images)


@pytest.mark.parametrize("strength", list(NOTHING))
def test_each_strength_changes_something(strength):
    changed = only(**{strength: 0.5 if strength in ("stretch", "pen", "hard") else 10})(
        floats(), seeded()
    )
    assert (changed - floats()).abs().mean() > 0.005


def test_colours_of_a_pixel_move_together():
    grey = Augment()(floats(), seeded())
    colour = Augment()(
        floats().expand(-1, 3, -1, -1) * torch.tensor([1, 0.5, 0])[:, None, None], seeded()
    )
    assert torch.allclose(colour[:, :1], grey, atol=1e-5)
    assert torch.allclose(colour[:, 1:2], grey / 2, atol=0.5)
    assert not colour[:, 2].any()


@pytest.mark.parametrize(
    "images",
    [
        torch.rand(5, 28, 28),
        torch.zeros(28, 28, dtype=torch.uint8),
        torch.zeros(5, 1, 28, 28, dtype=torch.int64),
    ],
)
def test_no_batch_of_images(images):
    with pytest.raises(ValueError, match=r"is no batch of images: give uint8 \(n, height, width\)"):
        Augment()(images, seeded())


@pytest.mark.parametrize(
    ("strength", "value"),
    [("turn", -1), ("elastic", math.nan), ("shift", math.inf), ("pen", 1.5), ("hard", 2)],
)
def test_strengths_out_of_range(strength, value):
    with pytest.raises(ValueError, match=f"{strength} must be from 0 to"):
        Augment(**{strength: value})


# The generator alone decides


def test_the_same_generator_gives_the_same_images():
    one, other, third = (Augment()(DIGITS.images, seeded(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, other)
    assert not torch.equal(one, third)
    generator = seeded(3)
    torch.manual_seed(99)
    first = [Augment()(DIGITS.images, generator) for _ in range(2)]
    assert torch.equal(first[0], one)
    assert not torch.equal(first[1], one)


def test_every_image_is_changed_differently():
    same = DIGITS.images[:1].expand(50, -1, -1)
    assert len({image.numpy().tobytes() for image in Augment()(same, seeded())}) == 50


# Against SciPy


@pytest.mark.parametrize("shape", [(28, 28), (20, 31)])
def test_affine_maps_are_scipys(shape):
    images = torch.rand(8, 1, *shape, generator=seeded())
    augment = only(turn=30, shear=0.3, stretch=0.4, shift=3)
    changed = augment(images, seeded(5))
    matrices, shifts = augment._affine(8, seeded(5))
    middle = (np.array(shape) - 1) / 2
    for image, found, matrix, shift in zip(images, changed, matrices, shifts, strict=True):
        matrix = matrix.numpy()[::-1, ::-1].astype(float)  # SciPy: row before column
        offset = middle + shift.numpy()[0, ::-1] - matrix @ middle
        wanted = ndimage.affine_transform(
            image[0].numpy(), matrix, offset, order=1, mode="grid-constant"
        )
        assert np.abs(found[0].numpy() - wanted).max() < 1e-4


def test_affine_maps_keep_to_their_limits():
    matrices, shifts = only(turn=20, shear=0.3, stretch=0.25, shift=2)._affine(4000, seeded())
    assert shifts.abs().max() <= 2
    assert shifts.abs().max() > 1.9
    sizes = torch.linalg.det(matrices)  # old area of a new pixel
    assert 1 / 1.25**2 <= sizes.min() < 0.75
    assert 1.3 < sizes.max() <= 1.25**2
    turned, _ = only(turn=20)._affine(4000, seeded())
    angles = torch.rad2deg(torch.atan2(turned[:, 1, 0], turned[:, 0, 0])).abs()
    assert 19.5 < angles.max() <= 20.001
    assert torch.allclose(turned @ turned.transpose(1, 2), torch.eye(2), atol=1e-5)


def test_the_elastic_field_is_simards():
    field = elastic_field(400, 48, 40, 34.0, seeded()).reshape(400, 48, 40, 2)
    inside = field[:, 14:-14, 14:-14]
    expected = 34 / math.sqrt(3) / (2 * math.sqrt(math.pi) * 4)
    assert inside.std().item() == pytest.approx(expected, rel=0.03)
    assert abs(inside.mean().item()) < 0.05
    # The correlation of neighbours k pixels apart is exp(-k^2 / (4 sigma^2)).
    for apart in (2, 4, 8):
        pairs = torch.stack([inside[:, :-apart].flatten(), inside[:, apart:].flatten()])
        expected = math.exp(-(apart**2) / (4 * 4**2))
        assert torch.corrcoef(pairs)[0, 1].item() == pytest.approx(expected, abs=0.05)


def test_the_elastic_field_is_scipys_filter():
    noise = torch.rand(2, 2, 30, 40, generator=seeded(8)) * 2 - 1
    field = elastic_field(2, 30, 40, 10.0, seeded(8)).transpose(1, 2).reshape(2, 2, 30, 40)
    wanted = ndimage.gaussian_filter(noise.numpy(), (0, 0, 4, 4), mode="constant", truncate=12)
    assert np.abs(field.numpy() - 10 * wanted).max() < 0.01


def test_the_pen_is_between_erosion_and_dilation():
    images = (floats() > 0.4).float()
    changed = only(pen=1.0)(images, seeded())
    for before, after in zip(images[:, 0].numpy(), changed[:, 0].numpy(), strict=True):
        fat = ndimage.grey_dilation(before, (3, 3))
        thin = ndimage.grey_erosion(before, (3, 3), mode="constant", cval=1)
        assert (after <= fat + 1e-6).all()
        assert (after[thin > 0] > 0.99).all()
    ink = changed.sum((1, 2, 3)) / images.sum((1, 2, 3))
    assert ink.max() > 1.2
    assert ink.min() < 0.8
    assert torch.allclose(changed.amax((1, 2, 3)), torch.ones(60), atol=1e-6)


def test_hard_edges():
    changed = only(hard=0.4)(floats(), seeded())
    hard = torch.tensor([set(image.unique().tolist()) == {0.0, 1.0} for image in changed])
    assert 15 <= hard.sum() <= 33
    assert torch.equal(changed[~hard], floats()[~hard])


# Training with it


def train(tmp_path, epochs=2, **recipe):
    torch.manual_seed(0)
    model = LeNet5((2, 3), dropout=0.1)
    usual = {"lr": 0.01, "device": "cpu", "verbose": False, "augment": Augment()}
    sets = DIGITS, DIGITS.first(20)
    return model, fit(model, *sets, epochs=epochs, checkpoint=tmp_path / "c", **(usual | recipe))


def test_batches_change_the_inputs_and_not_the_labels():
    batches = Batches(DIGITS.images, DIGITS.labels, 25, seeded(), augment=Augment())
    plain = Batches(DIGITS.images, DIGITS.labels, 25, seeded())
    (inputs, labels), *_ = batches
    (before, same), *_ = plain
    assert torch.equal(labels, same)
    assert inputs.shape == before.shape
    assert not torch.equal(inputs, before)
    assert len(list(batches)) == len(batches) == 3
    with pytest.raises(ValueError, match="augment needs a generator"):
        Batches(DIGITS.images, DIGITS.labels, augment=Augment())


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    whole, history = train(tmp_path, epochs=4)
    train(tmp_path, epochs=2)
    again, resumed = train(tmp_path, epochs=4, resume=True)
    assert resumed.to_dict() == history.to_dict()
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_history_tells_the_strengths_and_resume_wants_the_same(tmp_path):
    _, history = train(tmp_path)
    assert history.settings["augment"] == Augment().settings
    with pytest.raises(ValueError, match="of another recipe: its augment is"):
        train(tmp_path, resume=True, augment=only(turn=3))
    with pytest.raises(ValueError, match="of another recipe: its augment is"):
        train(tmp_path, resume=True, augment=None)
    assert train(tmp_path, augment=None)[1].settings["augment"] is None


# What MNIST's writers did not draw


def test_ones_with_upstrokes():
    digits = load_dataset("digits", "train").first(2000)
    images, labels = with_upstrokes(digits.images, digits.labels, 1.0, seeded())
    count = len(digits)
    assert torch.equal(images[:count], digits.images)
    assert torch.equal(labels[:count], digits.labels)
    ones, drawn = int((digits.labels == 1).sum()), images[count:]
    assert (labels[count:] == 1).all()
    assert 0.05 * ones < len(drawn) <= ones
    assert drawn.dtype == torch.uint8
    assert drawn.shape[1:] == (28, 28)
    for image in drawn.numpy():
        assert np.abs(np.array(ndimage.center_of_mass(image)) - 13.5).max() <= 1
        assert ndimage.label(image > 100, np.ones((3, 3)))[1] <= 2
    again = with_upstrokes(digits.images, digits.labels, 1.0, seeded())
    assert torch.equal(again[0], images)
    half = with_upstrokes(digits.images, digits.labels, 0.5, seeded())[0]
    assert 0.25 * len(drawn) < len(half) - count < 0.75 * len(drawn)
    none = with_upstrokes(digits.images, digits.labels, 0.0, seeded())[0]
    assert torch.equal(none, digits.images)
    with pytest.raises(ValueError, match="0 to 1, not 3"):
        with_upstrokes(digits.images, digits.labels, 3, seeded())


@pytest.mark.parametrize(
    "make", [lambda g: two_digits(DIGITS.images, 30, g), lambda g: letters(30, g)]
)
def test_pictures_without_a_digit(make):
    found = make(seeded())
    assert found.shape == (30, 28, 28)
    assert found.dtype == torch.uint8
    assert len({image.numpy().tobytes() for image in found}) == 30
    assert torch.equal(found, make(seeded()))
    for image in found.numpy():
        assert image.max() > 200
        assert np.abs(np.array(ndimage.center_of_mass(image)) - 13.5).max() <= 1


def test_spread_cross_entropy():
    scores = torch.randn(12, 10, generator=seeded())
    labels = torch.arange(12) % 10
    assert torch.allclose(spread_cross_entropy(scores, labels), F.cross_entropy(scores, labels))
    nothing = torch.full((12,), NO_DIGIT)
    even = torch.full((12, 10), 0.1)
    assert torch.allclose(spread_cross_entropy(scores, nothing), F.cross_entropy(scores, even))
    mixed, targets = labels.clone(), F.one_hot(labels, 10).float()
    mixed[::3], targets[::3] = NO_DIGIT, 0.1
    assert torch.allclose(spread_cross_entropy(scores, mixed), F.cross_entropy(scores, targets))
