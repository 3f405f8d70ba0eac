"""Own pictures to MNIST's form, pictures that are none, and image sets written as PNG and JSON."""

import io
import itertools
import json
import os
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zlib

import hypothesis.extra.numpy as some
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFile, ImageFilter
from scipy import ndimage

from lenetcourse import (
    ImageSet,
    PictureError,
    example_pictures,
    export_json,
    export_png,
    load_dataset,
    load_model,
    predict_probabilities,
    to_mnist,
)
from lenetcourse.files import temporary_name
from lenetcourse.train.rejection import margin

repeatable = settings(deadline=None, derandomize=True, max_examples=150)
SEVEN = [(0, 0), (1, 0), (0.35, 1)]  # in a box of 1x1


def draw(size=(150, 200), box=(40, 50, 108, 160), width=13, ink=0, paper=255):
    """Return a grey picture of a seven, drawn with round ends into `box`."""
    picture = Image.new("L", size, paper)
    pen = ImageDraw.Draw(picture)
    left, top, right, bottom = box
    points = [(left + x * (right - left), top + y * (bottom - top)) for x, y in SEVEN]
    pen.line(points, fill=ink, width=width)
    for x, y in points:
        pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=ink)
    return picture


def see_through(ink):
    """Return strokes of brightness `ink` on nothing at all."""
    strokes = draw(ink=255, paper=0)
    picture = Image.new("LA", strokes.size, ink)
    picture.putalpha(strokes)
    return picture.convert("RGBA")


def as_array(picture):
    return np.asarray(picture, dtype=np.float64)


def with_gradient(picture):
    """Return it as photographed with a lamp at the left: the right side is darker than half."""
    light = np.linspace(1, 0.45, picture.width)
    return Image.fromarray((as_array(picture) * light).astype(np.uint8))


def with_noise(picture, strength):
    noise = np.random.default_rng(0).normal(0, strength, np.asarray(picture).shape)
    return Image.fromarray(np.clip(as_array(picture) + noise, 0, 255).astype(np.uint8))


PICTURES = {
    "dark on light": draw(),
    "light on dark": draw(ink=255, paper=0),
    "grey on grey": draw(ink=110, paper=170),
    "colour": draw().convert("RGB"),
    "red on white": Image.merge("RGB", [Image.new("L", (150, 200), 255), draw(), draw()]),
    "transparent, dark strokes": see_through(20),
    "transparent, light strokes": see_through(240),
    "1": draw().convert("1"),
    "P": draw().convert("P"),
    "LA": draw().convert("LA"),
    "PA": draw().convert("P").convert("PA"),
    "CMYK": draw().convert("CMYK"),
    "YCbCr": draw().convert("YCbCr"),
    "HSV": draw().convert("HSV"),
    "I": draw().convert("I"),
    "F": draw().convert("F"),
    "I;16": Image.fromarray(np.asarray(draw()).astype(np.uint16) * 200),
    "array": np.asarray(draw()),
    "float array": as_array(draw()) / 255,
    "integers": as_array(draw()).astype(np.int64),
    "yes or no": np.asarray(draw()) > 127,
    "colour array": np.asarray(draw().convert("RGB")),
    "tensor": torch.from_numpy(as_array(draw()) / 255),
    "uneven light": with_gradient(draw(ink=40, paper=230)),
    "uneven light, chalk": with_gradient(draw(ink=230, paper=60)),
    "noise": with_noise(draw(ink=60, paper=200), 12),
    "blurred": draw().filter(ImageFilter.GaussianBlur(2)),
    "in a corner": draw(box=(8, 8, 76, 118)),
    "small in a large picture": draw((400, 400), (250, 200, 318, 310), 13),
    "one pixel of paper": draw((81, 123), (7, 7, 75, 117)),
    "3000 pixels": draw((3000, 4000), (800, 1000, 2150, 3200), 260),
    "3000 pixels, 1": draw((3000, 4000), (800, 1000, 2150, 3200), 260).convert("1"),
    "3000 pixels, P": draw((3000, 4000), (800, 1000, 2150, 3200), 260).convert("P"),
    "3000 pixels, PA": draw((3000, 4000), (800, 1000, 2150, 3200), 260).convert("P").convert("PA"),
    "3000 pixels, I;16": Image.fromarray(
        np.asarray(draw((3000, 4000), (800, 1000, 2150, 3200), 260)).astype(np.uint16) * 200
    ),
}
SIZE_12 = draw((120, 120), (35, 20, 85, 100), 12).resize((12, 12), Image.Resampling.BOX)


@pytest.fixture(scope="module")
def model():
    return load_model()[0]


def read(model, image):
    return int(predict_probabilities(model, image[None])[0].argmax())


def assert_mnist_form(image):
    assert isinstance(image, torch.Tensor)
    assert image.dtype == torch.uint8
    assert image.shape == (28, 28)
    pixels = image.numpy()
    rows, columns = np.flatnonzero(pixels.max(1)), np.flatnonzero(pixels.max(0))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert max(height, width) <= 20
    assert max(height, width) >= 19
    assert pixels.max() >= 230
    assert np.median(pixels) == 0
    assert np.abs(np.array(ndimage.center_of_mass(pixels)) - 13.5).max() <= 1


def difference(one, other):
    """Return the mean difference of the pixels, of 255, wherever rounding put the digit."""
    moved = [other.roll((x, y), (0, 1)) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    return min((one.float() - each.float()).abs().mean().item() for each in moved)


# Pictures of a digit


@pytest.mark.parametrize("picture", PICTURES.values(), ids=list(PICTURES))
def test_every_kind_of_picture_gives_the_same_digit(model, picture):
    expected = to_mnist(draw())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = to_mnist(picture)
    assert_mnist_form(image)
    assert difference(image, expected) < 3
    assert read(model, image) == 7


def test_another_digit_differs_more_than_that():
    for box in ((40, 75, 110, 135), (40, 50, 60, 160)):
        assert difference(to_mnist(draw(box=box)), to_mnist(draw())) > 12


def test_a_picture_of_12_pixels(model):
    image = to_mnist(SIZE_12)
    assert_mnist_form(image)
    assert read(model, image) == 7


@pytest.mark.parametrize(("width", "height"), [(30, 120), (60, 120), (120, 120), (120, 40)])
def test_proportions_are_kept(width, height):
    picture = draw((200, 200), (40, 40, 40 + width, 40 + height), 15)
    pixels = to_mnist(picture).numpy() > 127
    found = np.ptp(np.flatnonzero(pixels.any(1))) + 1, np.ptp(np.flatnonzero(pixels.any(0))) + 1
    scale = 20 / (max(width, height) + 15)  # the pen adds its own width
    assert found == pytest.approx(((height + 15) * scale, (width + 15) * scale), abs=1.5)


@pytest.mark.parametrize("pen", [2, 4, 6])
def test_thin_strokes_are_thickened(model, pen):
    image = to_mnist(draw(width=pen))
    assert_mnist_form(image)
    assert read(model, image) == 7
    assert (image > 127).sum() > 50


def test_specks_are_no_ink():
    picture = draw()
    for x, y in [(9, 9), (140, 15), (15, 190), (135, 185)]:
        picture.paste(0, (x, y, x + 3, y + 3))
    assert difference(to_mnist(picture), to_mnist(draw())) < 1


def test_mnist_form_stays_as_it_is(model):
    digits = load_dataset("digits", "test").first(100)
    again = torch.stack([to_mnist(image) for image in digits.images])
    for image in again:
        assert_mnist_form(image)
    before, after = (
        predict_probabilities(model, images).argmax(1) for images in (digits.images, again)
    )
    assert (before == after).float().mean() > 0.85
    covered = (digits.images > 127) & (again > 127)
    union = (digits.images > 127) | (again > 127)
    assert covered.sum() / union.sum() > 0.75


def test_the_caller_keeps_his_picture(tmp_path):
    path = tmp_path / "x.jpg"
    draw((3000, 4000), (800, 1000, 2150, 3200), 260).save(path)
    with Image.open(path) as picture:
        to_mnist(picture)
        assert picture.size == (3000, 4000)
    pixels = as_array(draw())
    before = pixels.copy()
    to_mnist(pixels / 255)
    assert (pixels == before).all()


def test_steps():
    image, steps = to_mnist(draw(), return_steps=True)
    assert list(steps) == ["grey", "even light", "ink", "cut out", "box", "centred"]
    assert torch.equal(torch.from_numpy(steps["centred"]), image)
    assert steps["grey"].max() == 255
    assert max(steps["box"].shape) == 20
    assert all(step.min() >= 0 for name, step in steps.items() if name != "even light")
    assert torch.equal(to_mnist(draw()), image)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("ending", "factor"), [("jpg", 1), ("jpg", 9), ("png", 1), ("tif", 9)])
def test_exif_rotation(tmp_path, orientation, ending, factor):
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,  # the camera says: turn it by 270 degrees
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = draw().resize((150 * factor, 200 * factor))
    stored = upright.transpose(turns[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"x.{ending}"
    # Pillow 12 garbles uncompressed TIFF files that are turned by a quarter.
    stored.save(path, exif=exif, **({"compression": "tiff_lzw"} if ending == "tif" else {}))
    assert difference(to_mnist(path), to_mnist(draw())) < 4
    with Image.open(path) as picture:
        assert difference(to_mnist(picture), to_mnist(draw())) < 4


def test_example_pictures(model):
    pictures = example_pictures()
    digits = {name: path for name, path in pictures.items() if name[-1].isdigit()}
    digits.pop("two_digits_38")
    assert len(digits) == 14
    assert {int(name[-1]) for name in digits} == set(range(10))
    wrong = []
    for name, path in digits.items():
        image = to_mnist(path)
        assert_mnist_form(image)
        if read(model, image) != int(name[-1]):
            wrong.append(name)
    assert wrong == []
    assert {"letter_A", "two_digits_38"} <= set(pictures)


def drawn(points, size=(200, 260), width=12):
    """Return a grey picture of one line through `points`, its corners round."""
    picture = Image.new("L", size, 250)
    ImageDraw.Draw(picture).line(points, fill=20, width=width, joint="curve")
    return picture


def answers(model, images):
    """Return what `model` says to each image, and by how much the answer leads the next."""
    probabilities = predict_probabilities(model, images)
    return probabilities.argmax(1), margin(probabilities)


def upstrokes():
    """Yield ones whose upstroke is half as long as the stem, or longer."""
    for x, y, foot in itertools.product((30, 45, 60, 75), (100, 125, 150, 175), (100, 116, 130)):
        yield drawn([(x, y), (118, 40), (foot, 220)])


def narrow_sevens():
    """Yield sevens a fifth to a quarter as wide as high."""
    for across, share in itertools.product((40, 45, 50), (0.3, 0.5, 0.7, 0.9)):
        yield drawn([(70, 41), (70 + across, 40), (70 + across * share, 220)], width=8)


def mouse_sixes():
    """Yield sixes in lines of one pixel, whose bowl may end before the stem."""
    for top, wide, gap, high in itertools.product((1, 4, 7), (3, 5, 8), (0, 2, 3), (12, 16, 20)):
        picture = Image.new("L", (28, 28), 255)
        pen, foot = ImageDraw.Draw(picture), 2 + high
        pen.line([(8 + top, 2), (8, 5), (7, foot)], fill=0)
        bowl = [(7, foot), (9, foot + 2), (7 + wide, foot + 2), (9 + wide, foot)]
        pen.line([*bowl, (9 + wide, foot - 4), (6 + wide, foot - 6), (8 + gap, foot - 5)], fill=0)
        yield picture


@pytest.mark.parametrize(("make", "digit"), [(upstrokes, 1), (narrow_sevens, 7)])
def test_what_the_plain_network_misreads(model, make, digit):
    images = torch.stack([*map(to_mnist, make())])
    plain, _ = answers(load_model("lenet5")[0], images)
    found, _ = answers(model, images)
    assert (plain != digit).float().mean() > 0.1
    assert (found == digit).float().mean() >= 0.95


def test_sixes_of_one_pixel_lines_are_read_or_unsure(model):
    found, lead = answers(model, torch.stack([*map(to_mnist, mouse_sixes())]))
    limit = load_model()[1]["unsure_below"]
    assert (found == 6).float().mean() > 0.8
    assert ((found == 6) | (lead < limit)).float().mean() >= 0.97


def half_seen(alpha, ink=20, paper=250, where="paper"):
    """Return a drawing whose paper, or a lower part of it, is partly transparent."""
    picture = draw(ink=ink, paper=paper).convert("RGBA")
    shares = np.full((200, 150), alpha)
    if where == "below":
        shares[:120] = 255
    if where == "gradient":
        shares = np.tile(np.linspace(alpha, 255, 150), (200, 1))
    if where == "speckled":
        shares = np.random.default_rng(0).integers(alpha, 256, (200, 150))
    shares = np.maximum(shares, as_array(draw(ink=255, paper=0)))
    picture.putalpha(Image.fromarray(shares.astype(np.uint8)))
    return picture


@pytest.mark.parametrize("where", ["paper", "below", "gradient", "speckled"])
@pytest.mark.parametrize("alpha", [20, 60, 128, 180, 220, 254])
@pytest.mark.parametrize(("ink", "paper"), [(20, 250), (240, 10)], ids=["dark", "light"])
def test_a_background_that_is_partly_transparent_is_background(model, where, alpha, ink, paper):
    image = to_mnist(half_seen(alpha, ink, paper, where))
    assert difference(image, to_mnist(draw())) < 3
    assert read(model, image) == 7


@pytest.mark.parametrize("ink", [0, 128, 255])
def test_alpha_is_ink_where_there_is_no_other_contrast(ink):
    image = to_mnist(half_seen(60, ink, ink))
    assert difference(image, to_mnist(draw())) < 3


def test_colours_under_what_is_not_seen_do_not_count():
    shown = half_seen(255)
    picture = np.asarray(shown).copy()
    picture[:60] = (0, 0, 0, 0)  # an eraser leaves black without alpha
    picture[:60][as_array(draw())[:60] < 128] = (20, 20, 20, 255)
    assert difference(to_mnist(Image.fromarray(picture)), to_mnist(draw())) < 3


def pen_4(bar, width=8, noise=0.0):
    """Return a 4 whose crossbar has that share of the stem's ink."""
    picture = Image.new("L", (200, 260), 235)
    pen = ImageDraw.Draw(picture)
    pen.line([(48, 150), (165, 150)], fill=round(235 - 190 * bar), width=width)
    pen.line([(120, 40), (48, 150)], fill=round(235 - 190 * max(bar, 0.6)), width=width)
    pen.line([(124, 40), (120, 225)], fill=45, width=width)
    return with_noise(picture.filter(ImageFilter.GaussianBlur(1)), noise)


@pytest.mark.parametrize("noise", [0.0, 4.0])
@pytest.mark.parametrize("width", [5, 8, 14])
@pytest.mark.parametrize("bar", [0.6, 0.45, 0.35, 0.3])
def test_faint_strokes_of_the_digit_are_ink(model, bar, width, noise):
    image = to_mnist(pen_4(bar, width, noise))
    assert read(model, image) == 4
    assert difference(image, to_mnist(pen_4(1.0, width))) < 8


def test_faint_lines_and_shadows_are_no_ink():
    plain = to_mnist(draw(ink=30, paper=230))
    lined = draw(ink=30, paper=230)
    pen = ImageDraw.Draw(lined)
    for y in range(20, 200, 30):
        pen.line([(0, y), (150, y)], fill=165, width=2)  # as dark as a third of the ink
    shadow = np.full((200, 150), 230.0)
    row, column = np.mgrid[:200, :150]
    shadow[np.hypot(row - 110, column - 80) < 60] = 175
    shadowed = np.minimum(ndimage.gaussian_filter(shadow, 2), as_array(draw(ink=30, paper=230)))
    for picture in (lined, Image.fromarray(shadowed.astype(np.uint8))):
        assert difference(to_mnist(picture), plain) < 4


def test_faint_specks_beside_the_digit_are_no_ink():
    picture = draw(ink=30, paper=230)
    picture.paste(165, (20, 20, 32, 32))
    picture.paste(165, (112, 150, 122, 170))
    assert difference(to_mnist(picture), to_mnist(draw())) < 3


# Pictures of nothing, and files that are no pictures


def photo_of_paper(strength, mode="L"):
    paper = with_gradient(Image.new("L", (400, 300), 210))
    photo = with_noise(paper, strength).convert(mode)
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=80)
    return Image.open(file)


BLANK = {
    **{f"uniform {grey}": Image.new("L", (90, 60), grey) for grey in (0, 1, 128, 254, 255)},
    "uniform colour": Image.new("RGB", (90, 60), (200, 10, 90)),
    "uniform 1": Image.new("1", (90, 60), 1),
    "uniform I;16": Image.fromarray(np.full((60, 90), 40_000, np.uint16)),
    "uniform F": Image.new("F", (90, 60), 0.25),
    "nothing but transparent": Image.new("RGBA", (90, 60), (0, 0, 0, 0)),
    "one pixel": np.zeros((1, 1)),
    "one row": np.ones((1, 500)),
    "gradient": with_gradient(Image.new("L", (400, 300), 230)),
    "photo of paper": photo_of_paper(4),
    "noisy photo of paper": photo_of_paper(12, "RGB"),
    "too faint": draw(ink=225, paper=235),
}


@pytest.mark.parametrize("picture", BLANK.values(), ids=list(BLANK))
def test_blank_pictures(picture):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureError, match=r"no ink found: .* write with a thick dark pen"):
            to_mnist(picture)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((9, 9), np.nan), "pixel values must be 0 to 255, or 0 to 1 for floats"),
        (np.full((9, 9), np.inf), "pixel values must be"),
        (np.full((9, 9), 1.5), "pixel values must be"),
        (np.full((9, 9), 1e308), "pixel values must be"),
        (np.full((9, 9), -1), "pixel values must be"),
        (np.full((9, 9), 256), "pixel values must be"),
        (Image.fromarray(np.full((9, 9), np.nan, np.float32)), "infinite or not a number"),
        (Image.fromarray(np.full((9, 9), np.inf, np.float32)), "infinite or not a number"),
        (np.zeros(9), r"shape \(9,\) is no picture: give \(height, width\)"),
        (np.zeros((2, 9, 9, 3)), "is no picture"),
        (np.zeros((0, 9)), "is no picture"),
        (np.zeros((1, 28, 28)), "has not 3 or 4 colours last"),
        (np.zeros((9, 9, 2)), "has not 3 or 4 colours last"),
        (np.zeros((9, 9), complex), "an array of complex128 is no picture"),
        (np.full((9, 9), None), "an array of object is no picture"),
        (np.full((9, 9), "a"), "an array of <U1 is no picture"),
        ([[1, 2], [3]], "not a picture that can be read"),
        (None, "is no picture"),
        (7, "is no picture"),
        (Image.new("L", (0, 5)), "no pixels"),
        (Image.new("LAB", (9, 9)), "save it as PNG or JPEG"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_picture(values, message):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureError, match=message):
            to_mnist(values)


def png_bytes(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"a seven\n", png_bytes(draw())[:300], b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff"],
    ids=["empty", "text", "half a PNG", "PNG's first bytes", "GIF's", "JPEG's"],
)
def test_files_that_are_no_pictures(tmp_path, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(PictureError, match="not a picture that can be read") as caught:
        to_mnist(path)
    assert str(path) in str(caught.value)
    assert "save it as PNG or JPEG" in str(caught.value)


def test_a_truncated_picture_that_somebody_else_opened():
    with (
        Image.open(io.BytesIO(png_bytes(draw())[:300])) as picture,
        pytest.raises(PictureError, match="not a picture that can be read"),
    ):
        to_mnist(picture)


def test_folders_and_missing_files(tmp_path):
    with pytest.raises(PictureError, match="a folder, not a picture: name the files in it"):
        to_mnist(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no\.png"):
        to_mnist(str(tmp_path / "no.png"))
    for name in ("a\0b", "a" * 5000):
        with pytest.raises(PictureError, match="not a picture that can be read"):
            to_mnist(name)


def sparse_png(path, width, height, depth, colour=0, extra=b""):
    """Write a PNG file of one value, a few kilobytes whatever its size in pixels."""

    def chunk(kind, content):
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    row = bytes(1 + (width * depth + 7) // 8)
    packer = zlib.compressobj()
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    palette = chunk(b"PLTE", bytes(768)) + chunk(b"tRNS", bytes(256)) if colour == 3 else b""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + palette + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


@pytest.mark.parametrize(
    ("width", "height"),
    [(20_000, 300), (300, 20_000), (20_000, 5_000), (8_000, 8_000), (60_000, 10_000)],
)
def test_huge_pictures_are_refused_before_they_are_decoded(tmp_path, monkeypatch, width, height):
    path = tmp_path / "x.png"
    sparse_png(path, width, height, 1)
    assert path.stat().st_size < 200_000
    decoded = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda picture: decoded.append(picture.size))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureError, match="too many: at most 10,000 a side and 50,000,000"):
            to_mnist(path)
    assert decoded == []
    with pytest.raises(PictureError, match="too many"):
        to_mnist(np.broadcast_to(np.uint8(0), (1, 20_000)))


@pytest.mark.parametrize(("depth", "colour"), [(8, 3), (16, 0)], ids=["P", "I;16"])
def test_the_largest_pictures_need_little_memory(tmp_path, depth, colour):
    path = tmp_path / "x.png"
    sparse_png(path, 10_000, 5_000, depth, colour)
    tracemalloc.start()
    try:
        with pytest.raises(PictureError, match="no ink found"):
            to_mnist(path)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000  # NumPy's share
    finally:
        tracemalloc.stop()


# Anything at all


def never_anything_else(picture):
    """Convert `picture`; only PictureError may be raised, and nothing be warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            image = to_mnist(picture)
        except PictureError as error:
            return str(error)
    assert image.dtype == torch.uint8
    assert image.shape == (28, 28)
    assert image.max() > 0
    return None


any_shape = some.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=30)
kinds = some.boolean_dtypes, some.integer_dtypes, some.floating_dtypes, some.complex_number_dtypes
any_dtype = st.one_of(kind() for kind in kinds)


@repeatable
@given(some.arrays(any_dtype, any_shape))
def test_random_arrays(array):
    never_anything_else(array)


MODES = ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "LA", "PA", "I;16"]


@repeatable
@given(st.sampled_from(MODES), st.binary(min_size=4, max_size=4000), st.integers(1, 40))
def test_random_pixels_of_every_mode(mode, pixels, width):
    bytes_each = len(Image.new(mode, (8, 1)).tobytes()) / 8
    height = max(1, int(len(pixels) / bytes_each / width))
    needed = len(Image.new(mode, (width, height)).tobytes())
    pixels = (pixels * (needed // len(pixels) + 1))[:needed]
    never_anything_else(Image.frombytes(mode, (width, height), pixels))


@repeatable
@given(
    st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    st.floats(0.1, 1),
)
def test_damaged_files(tmp_path_factory, kind, changes, share):
    file = io.BytesIO()
    draw((60, 80), (16, 20, 44, 64), 6).save(file, kind)
    content = bytearray(file.getvalue())
    for place, value in changes:
        content[int(place * (len(content) - 1))] = value
    path = tmp_path_factory.getbasetemp() / f"damaged.{kind}"
    path.write_bytes(content[: max(1, int(share * len(content)))])
    message = never_anything_else(path)
    assert message is None or str(path) in message or "no ink" in message


# Image sets as PNG folders and JSON


def image_set(count=25):
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 28, 28), dtype=torch.uint8, generator=random)
    return ImageSet(images, torch.arange(count) % 7, "toy", "test")  # no 7, 8 and 9


def test_export_png(tmp_path):
    toys = image_set()
    folder = tmp_path / "new" / "toys"
    assert export_png(toys, folder) == 25
    assert sorted(path.name for path in folder.iterdir()) == list("0123456")
    files = sorted(folder.glob("*/*.png"), key=lambda path: path.name)
    assert [path.stem for path in files] == [f"{index:02d}" for index in range(25)]
    for index, path in enumerate(files):
        with Image.open(path) as picture:
            assert picture.mode == "L"
            assert np.array_equal(np.asarray(picture), toys.images[index].numpy())
        assert path.parent.name == str(int(toys.labels[index]))
    assert [path.name for path in folder.parent.iterdir()] == ["toys"]


def test_export_png_refuses_what_is_there(tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder"):
        with pytest.raises(FileExistsError, match="exists already: name a new folder, or delete"):
            export_png(image_set(), tmp_path / name)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.parametrize("error", [OSError("no space left on device"), KeyboardInterrupt()])
def test_failed_export_png_leaves_nothing(tmp_path, monkeypatch, error):
    saved = []

    def save(picture, path):
        saved.append(path)
        if len(saved) == 4:
            raise error
        path.write_bytes(b"")

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(type(error)):
        export_png(image_set(), tmp_path / "toys")
    assert len(saved) == 4
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_export_left_is_removed(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    own = temporary_name("toys-abc")
    for pid in (process.pid, os.getpid()):
        folder = tmp_path / own.replace(str(os.getpid()), str(pid), 1) / "7"
        folder.mkdir(parents=True)
        (folder / "0.png").touch()
    export_png(image_set(), tmp_path / "toys")
    left = {path.name for path in tmp_path.iterdir()}
    assert own in left
    assert len(left) == (3 if os.name == "nt" else 2)


def test_export_json(tmp_path):
    toys = image_set()
    path = tmp_path / "toys.json"
    assert export_json(toys, path) == 25
    text = path.read_text(encoding="utf-8")
    records = json.loads(text)
    assert all(list(record) == ["img", "label"] for record in records)
    images = torch.tensor([record["img"] for record in records], dtype=torch.uint8)
    assert torch.equal(images, toys.images)
    assert [record["label"] for record in records] == toys.labels.tolist()
    assert len(text.splitlines()) == 27  # a bracket, one record a line, a bracket


def test_export_json_of_one_and_of_none(tmp_path):
    for count in (1, 0):
        assert export_json(image_set(count), tmp_path / "x.json") == count
        text = (tmp_path / "x.json").read_text(encoding="utf-8")
        assert len(json.loads(text)) == count


def test_failed_export_json_leaves_the_old_file(tmp_path):
    path = tmp_path / "toys.json"
    export_json(image_set(3), path)
    before = path.read_bytes()
    toys = image_set()
    toys.labels = toys.labels[:-1]
    with pytest.raises(ValueError, match="shorter"):
        export_json(toys, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
