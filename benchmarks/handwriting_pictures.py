"""Draw the pictures of handwritten digits that `handwriting.py` measures with.

python benchmarks/handwriting_pictures.py FOLDER [--seed 0] [--each 6] [--haste 1]

Ten manners of writing that real readers use and MNIST's writers did not, or hardly. The digits are
designed by hand: points that a smooth curve goes through, several shapes a digit. Chance (seeded)
chooses the shape and gives slant, proportions, tremor, pen and paper. Nothing here is used for
training, and the training strokes in `lenetcourse.train` share no code with it. FOLDER gets one PNG
a picture, `sheet.png` with all of them, and `no_digits.png`: pictures that show no digit, or two.
"""

import argparse
import functools
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from handwriting_shapes import BARRED_7, LETTERS, OPEN_4, SHAPES, by_hand, european_1, two_digits
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from lenetcourse import to_mnist

SHOWS_THROUGH = (250, 220, 160)  # behind what is transparent


@dataclass
class Picture:
    """One picture: how it was written, which digit it shows, the picture itself."""

    manner: str
    digit: int
    image: Image.Image

    @functools.cached_property
    def field(self) -> Tensor:
        """The picture as networks read it, uint8 (28, 28). Raises PictureError."""
        return to_mnist(self.image)


@dataclass
class Shape:
    """What is to be written, and in which haste."""

    strokes: list
    haste: float = 1.0


@dataclass
class Pen:
    """Width as a share of the digit's height, and ink: 1 is full, `pressure` how much it varies."""

    width: float
    pressure: float = 0.0
    swell: float = 0.1


def ink(strokes: list, size: tuple, height: float, top_left: tuple, pen: Pen, random) -> np.ndarray:
    """Return ink (rows, columns), 0 to 1, of strokes `height` pixels high in a field of `size`."""
    field = np.zeros(size)
    for path in strokes:
        count = len(path)
        phase, along = random.uniform(0, 6, 2), np.linspace(0, 1, count)
        full = 1 - pen.pressure * random.uniform(0.2, 1)
        density = full - pen.pressure * 0.5 * (1 + np.sin(9 * along + phase[0])) * full
        radius = pen.width * height / 2 * (1 + pen.swell * np.sin(5 * along + phase[1]))
        for (x, y), r, share in zip(path * height + top_left, radius, density, strict=True):
            reach = int(np.ceil(r + 2))
            rows = slice(max(0, int(y) - reach), max(0, int(y) + reach + 1))
            columns = slice(max(0, int(x) - reach), max(0, int(x) + reach + 1))
            part = field[rows, columns]
            if part.size:
                row, column = np.mgrid[rows, columns][:, : part.shape[0], : part.shape[1]]
                disc = np.clip(r + 0.5 - np.hypot(row - y, column - x), 0, 1)
                np.maximum(part, disc * share, out=part)
    return field


def placed(shape: Shape, random, size: tuple, share: tuple, pen: Pen) -> np.ndarray:
    """Return ink in a field (rows, columns): the digit is `share` of it high, somewhere inside."""
    strokes = by_hand(shape.strokes, random, shape.haste)
    height = random.uniform(*share) * size[0]
    every = np.concatenate(strokes)
    low, high = every.min(0) * height, every.max(0) * height
    margin = pen.width * height + 2
    room = np.maximum(np.array(size[::-1]) - (high - low) - 2 * margin, 0)
    return ink(
        strokes, size, height, margin - low + random.uniform(0.15, 0.85, 2) * room, pen, random
    )


def choose(shapes: list, random) -> list:
    return shapes[random.integers(len(shapes))]


def grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).round().astype(np.uint8))


def usual_pen(random) -> Pen:
    return Pen(random.uniform(0.05, 0.1))


def on_paper(shape: Shape, random, width: int = 200) -> Image.Image:
    """A scan: dark strokes on nearly white paper."""
    share = placed(shape, random, (240, width), (0.5, 0.8), usual_pen(random))
    return grey(random.uniform(235, 255) - share * random.uniform(170, 230))


def mouse_lines(shape: Shape, random) -> Image.Image:
    """28x28 pixels, lines one pixel wide without soft edges, few points as a mouse gives them."""
    image = Image.new("L", (28, 28), 255)
    pen, height = ImageDraw.Draw(image), random.uniform(17, 23)
    strokes = by_hand(shape.strokes, random, shape.haste)
    every = np.concatenate(strokes) * height
    room = 27 - np.ptp(every, axis=0)
    move = random.uniform(0.2, 0.8, 2) * room - every.min(0)
    for path in strokes:
        few = np.unique(np.linspace(0, len(path) - 1, max(2, len(path) // 9)).astype(int))
        pen.line(
            [tuple(np.rint(p * height + move).astype(int)) for p in path[few]], fill=0, width=1
        )
    return image


def ball_pen(shape: Shape, random) -> Image.Image:
    """A thin line whose ink comes and goes, each stroke with another pressure."""
    pen = Pen(random.uniform(0.025, 0.045), pressure=random.uniform(0.35, 0.6), swell=0.25)
    share = placed(shape, random, (300, 260), (0.5, 0.8), pen)
    paper = random.normal(236, 2.5, share.shape)
    return grey(paper - share * random.uniform(150, 190)).filter(ImageFilter.GaussianBlur(0.7))


def marker(shape: Shape, random) -> Image.Image:
    """A broad felt pen in colour, darker where it went twice."""
    pen = Pen(random.uniform(0.13, 0.18), swell=0.06)
    share = placed(shape, random, (260, 240), (0.5, 0.75), pen)
    colour = np.array(choose([(30, 40, 150), (190, 30, 40), (20, 110, 60), (25, 25, 30)], random))
    pixels = 248 - share[..., None] * (248 - colour) * random.uniform(0.85, 1)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def light(size: tuple, random, darkest: float) -> np.ndarray:
    """Return light (rows, columns), 1 and below: a lamp at one side."""
    row, column = np.mgrid[-0.5 : 0.5 : size[0] * 1j, -0.5 : 0.5 : size[1] * 1j]
    angle = random.uniform(0, 2 * np.pi)
    across = np.cos(angle) * column + np.sin(angle) * row
    return 1 - (1 - darkest) * np.clip(across + 0.5, 0, 1)


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    file.seek(0)
    return Image.open(file)


def coarse_phone(shape: Shape, random) -> Image.Image:
    """A small photograph: few pixels, blurred, noisy, strongly compressed, in uneven light."""
    size = (128, 96)
    share = placed(shape, random, size, (0.4, 0.65), Pen(random.uniform(0.06, 0.1)))
    values = (random.uniform(170, 215) - share * random.uniform(90, 130)) * light(
        size, random, 0.65
    )
    blurred = grey(values).filter(ImageFilter.GaussianBlur(random.uniform(0.6, 1.1)))
    noisy = np.asarray(blurred, float) + random.normal(0, 5, size)
    return as_jpeg(grey(noisy).convert("RGB"), int(random.integers(25, 45)))


def low_light(shape: Shape, random) -> Image.Image:
    """A photograph in the evening: dark paper, little contrast, noise of the camera."""
    size = (320, 240)
    share = placed(shape, random, size, (0.4, 0.7), Pen(random.uniform(0.05, 0.09)))
    values = (random.uniform(65, 95) - share * random.uniform(36, 50)) * light(size, random, 0.7)
    soft = grey(values).filter(ImageFilter.GaussianBlur(0.8))
    return as_jpeg(grey(np.asarray(soft, float) + random.normal(0, 5, size)).convert("RGB"), 80)


def see_through(shape: Shape, random, half: bool) -> Image.Image:
    """An RGBA picture: strokes on nothing, or (`half`) on paper that is partly transparent."""
    share = placed(shape, random, (220, 200), (0.5, 0.8), usual_pen(random))
    dark = random.random() < 0.5
    pixels = np.empty((*share.shape, 4))
    stroke, paper = (random.uniform(0, 60), 250) if dark else (random.uniform(200, 255), 20)
    if half:
        pixels[..., :3] = (paper + share * (stroke - paper))[..., None]
        under = light(share.shape, random, 0.5) * random.uniform(150, 255)
        pixels[..., 3] = np.maximum(under, share * 255)
    else:
        pixels[..., :3] = stroke
        pixels[..., 3] = share * 255
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGBA")


def dark_mode(shape: Shape, random) -> Image.Image:
    """Light strokes on a black or nearly black screen."""
    pen = Pen(random.uniform(0.04, 0.11), swell=0.03)
    share = placed(shape, random, (280, 280), (0.45, 0.8), pen)
    screen = np.array(choose([(0, 0, 0), (18, 18, 18), (30, 32, 40)], random))
    pixels = screen + share[..., None] * (random.uniform(215, 255) - screen)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


OF_ANY_DIGIT = {
    "mouse lines of one pixel": mouse_lines,
    "ball pen, uneven pressure": ball_pen,
    "marker": marker,
    "coarse phone photograph": coarse_phone,
    "low light": low_light,
    "transparent background": see_through,
    "dark mode": dark_mode,
}


def pictures(seed: int = 0, each: int = 6, haste: float = 1.0) -> Iterator[Picture]:
    """Yield `each` pictures of each of the ten manners; the same for the same arguments."""
    for number in range(each):
        random = np.random.default_rng([seed, 0, number])
        yield Picture(
            "1 with a long upstroke", 1, on_paper(Shape(european_1(random), haste), random)
        )
    for kind, (name, digit, shapes) in enumerate(
        [("7 with a bar", 7, BARRED_7), ("open 4", 4, OPEN_4)], 1
    ):
        for number in range(each):
            random = np.random.default_rng([seed, kind, number])
            yield Picture(name, digit, on_paper(Shape(choose(shapes, random), haste), random))
    for kind, (name, render) in enumerate(OF_ANY_DIGIT.items()):
        for number in range(each):
            random = np.random.default_rng([seed, 3 + kind, number])
            digit = (kind * each + number) % 10  # every digit about as often
            shape = Shape(choose(SHAPES[digit], random), haste)
            half = {"half": number % 2 == 1} if render is see_through else {}
            yield Picture(name, digit, render(shape, random, **half))


def no_digits(seed: int = 0, each: int = 12) -> Iterator[Picture]:
    """Yield `each` pictures of a letter and of two digits; their digit is -1."""
    for number in range(each):
        random = np.random.default_rng([seed, 100, number])
        letter = LETTERS[number % len(LETTERS)]
        yield Picture("a letter", -1, on_paper(Shape(letter), random))
    for number in range(each):
        random = np.random.default_rng([seed, 101, number])
        pair = two_digits(*random.integers(0, 10, 2), random)
        yield Picture("two digits", -1, on_paper(Shape(pair), random, 380))


def sheet(
    found: list[Picture], across: int, side: int = 110, ground: tuple = SHOWS_THROUGH
) -> Image.Image:
    """Return all pictures on one sheet, `across` in a row.

    Where a picture is transparent its sheet shows through, in a colour no paper has.
    """
    rows = -(-len(found) // across)
    whole = Image.new("RGB", (across * side, rows * side), ground)
    for number, picture in enumerate(found):
        image = picture.image.convert("RGBA")
        scale = (side - 6) / max(image.size)
        size = tuple(max(1, round(length * scale)) for length in image.size)
        nearest = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
        image = image.resize(size, nearest)
        image = Image.alpha_composite(Image.new("RGBA", image.size, SHOWS_THROUGH), image)
        whole.paste(image, (number % across * side + 3, number // across * side + 3), image)
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=6, help="pictures of each manner (6)")
    parser.add_argument("--haste", type=float, default=1.0, help="2: a hasty hand (1)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    found = list(pictures(options.seed, options.each, options.haste))
    sheet(list(no_digits(options.seed)), 6).save(options.folder / "no_digits.png")
    for number, picture in enumerate(found):
        manner = picture.manner.replace(",", "").replace(" ", "_")
        picture.image.save(options.folder / f"{number:03d}_{manner}_{picture.digit}.png")
    sheet(found, options.each).save(options.folder / "sheet.png")


if __name__ == "__main__":
    main()
