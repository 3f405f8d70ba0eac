"""Compare the network in the page with torch and `to_mnist`, in Chromium, and time it.

python benchmarks/network_page.py [--digits 500] [--drawings 100] [--side 200]

The page is tests/network_page.html, opened from file://. What is compared: every layer of both
networks with torch, whose weights are rounded to float16 as in the page, on test digits, on
drawings that a program made with a pen of changing pressure on the page's canvas, and on pictures:
those of `handwriting_pictures.py` and those that come with the library. Drawings and pictures are
brought into MNIST's form by the page and by `to_mnist`: the largest difference in grey levels is
shown, and how many answers differ. Then what float16 changes over all test images, and medians of
times.

Exit status 1 when scores differ by 1e-4 or more, when an answer differs, or when one pass through
the network takes more than 5 ms. A test calls the parts with fewer pictures and without the times.
"""

import argparse
import base64
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from handwriting_pictures import pictures
from handwriting_shapes import SHAPES, by_hand
from playwright.sync_api import Page, sync_playwright

from lenetcourse import activations, choose_dataset, load_dataset, load_model, to_mnist
from lenetcourse.data.images import as_inputs
from lenetcourse.data.pictures import example_pictures
from lenetcourse.models.weights import OWN_WEIGHTS

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path("tests", "network_page.html")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TOLERANCE = 1e-4  # of a score
MILLISECONDS = 5.0  # of one pass

# How often each call is timed, after as many calls that warm up the compiler.
TIMES = """([name, picture, canvas, strokes]) => {
    const network = lenet.loadModel(name), drawing = pixels(drawn(strokes, canvas, 0.06));
    const field = { data: fromBase64(picture) }, input = lenet.asInput(field);
    const median = (call, rounds) => {
        const times = [];
        for (let turn = 0; turn < 2 * rounds; turn++) {
            const start = performance.now();
            call();
            if (turn >= rounds) times.push(performance.now() - start);
        }
        return lenet.ndimage.median(times);
    };
    return {
        "one pass": median(() => network.forward(input), 200),
        "drawing to MNIST's form": median(() => lenet.toMnist(drawing), 15),
        "load the weights": median(() => lenet.loadModel(name), 15),
    };
}"""


@contextmanager
def opened(address: str) -> Iterator[Page]:
    """Open the page in Chromium."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        sys.exit("network_page: there is no Chromium; sudo apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        page = browser.new_page()
        page.goto(address)
        yield page
        browser.close()


def encoded(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def fields(found: list[str]) -> np.ndarray:
    """Return pictures in MNIST's form, uint8 (n, 28, 28), of what the page says."""
    return np.stack([np.frombuffer(base64.b64decode(one), np.uint8) for one in found]).reshape(
        -1, 28, 28
    )


def rounded(name: str) -> torch.nn.Module:
    """Return a network of the library with its weights rounded as those of the page are."""
    model, _ = load_model(name)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.half())
    return model


def layer_differences(page: Page, name: str, images: np.ndarray) -> tuple[dict[str, float], int]:
    """Return the largest difference from torch in each layer, and how many classes differ.

    `images` are uint8 (n, 28, 28).
    """
    expected = activations(rounded(name), as_inputs(torch.from_numpy(images)))
    answered = page.evaluate(
        "([name, pictures]) => layersOf(name, pictures)", [name, encoded(images)]
    )
    found = {
        layer: torch.frombuffer(bytearray(base64.b64decode(values)), dtype=torch.float32)
        for layer, values in answered
    }
    assert list(found) == list(expected)  # the layers, in their order
    differences = {
        layer: float((found[layer].reshape(values.shape) - values).abs().max())
        for layer, values in expected.items()
    }
    classes = found["fc3"].reshape(expected["fc3"].shape).argmax(1)
    return differences, int((classes != expected["fc3"].argmax(1)).sum())


def drawings(count: int, seed: int = 0) -> list[dict]:
    """Return strokes as a hand draws them: points [x, y, pressure] in a square of side 1."""
    found = []
    for number in range(count):
        random = np.random.default_rng([seed, 200, number])
        shapes = SHAPES[number % 10]
        strokes = by_hand(shapes[random.integers(len(shapes))], random)
        height = random.uniform(0.3, 0.75)
        points = np.concatenate(strokes) * height
        room = np.maximum(0.9 - np.ptp(points, axis=0), 0)
        move = 0.05 + random.uniform(0, 1, 2) * room - points.min(0)
        paths = []
        for stroke in strokes:
            along, phase = np.linspace(0, 1, len(stroke)), random.uniform(0, 6)
            pressure = 0.5 + 0.3 * np.sin(4 * along + phase) - 0.3 * along**4  # lifts at the end
            paths.append(np.column_stack([stroke * height + move, pressure]).tolist())
        found.append({"strokes": paths, "width": random.uniform(0.02, 0.07)})
    return found


def converted_drawings(page: Page, made: list[dict], side: int) -> tuple[np.ndarray, list[bytes]]:
    """Return drawings in MNIST's form as the page makes them, and as PNG files."""
    # As one text: Playwright takes seconds over so many numbers.
    answered = page.evaluate("([all, side]) => drawings(all, side)", [json.dumps(made), side])
    return fields([field for field, _ in answered]), [base64.b64decode(png) for _, png in answered]


def picture_files(each: int) -> list[bytes]:
    """Return the files of pictures: `each` of ten manners, and those of the library."""
    files = []
    for picture in pictures(0, each):
        file = io.BytesIO()
        picture.image.save(file, "PNG")
        files.append(file.getvalue())
    return files + [path.read_bytes() for path in example_pictures().values()]


def converted_files(page: Page, files: list[bytes]) -> np.ndarray:
    """Return pictures in MNIST's form as the page makes them of their files."""
    return fields(
        page.evaluate(
            "(files) => converted(files)",
            [encoded(np.frombuffer(file, np.uint8)) for file in files],
        )
    )


def by_library(files: list[bytes], folder: Path) -> np.ndarray:
    """Return pictures in MNIST's form as `to_mnist` makes them of their files, in `folder`."""
    found = []
    for file in files:
        path = folder / "picture"
        path.write_bytes(file)
        found.append(to_mnist(path).numpy())
    return np.stack(found)


def compare_layers(page: Page, sets: dict[str, np.ndarray]) -> bool:
    """Print how far the page is from torch; return whether it is near enough."""
    good = True
    for name in OWN_WEIGHTS:
        for kind, images in sets.items():
            differences, classes = layer_differences(page, name, images)
            layers = ", ".join(f"{layer} {value:.1e}" for layer, value in differences.items())
            print(f"{name}, {len(images)} {kind}: {classes} classes differ; {layers}")
            good = good and classes == 0 and max(differences.values()) < TOLERANCE
    return good


def compare_conversion(kind: str, page: np.ndarray, library: np.ndarray) -> bool:
    """Print how far the page is from `to_mnist`; return whether the answers are the same."""
    levels = np.abs(page.astype(int) - library).max((1, 2))
    print(
        f"{len(page)} {kind}: {(levels == 0).sum()} equal `to_mnist` to the bit, the largest "
        f"difference is {levels.max()} grey levels",
        end="",
    )
    other = 0
    for name in OWN_WEIGHTS:
        model, images = rounded(name), [as_inputs(torch.from_numpy(x)) for x in (page, library)]
        with torch.no_grad():
            first, second = (model(batch).argmax(1) for batch in images)
        other += int((first != second).sum())
    print(f"; {other} answers differ")
    return other == 0


def show_rounding(images: torch.Tensor, labels: torch.Tensor) -> None:
    """Print what float16 changes over test images."""
    for name in OWN_WEIGHTS:
        with torch.no_grad():
            exact, near = (
                model(as_inputs(images)) for model in (load_model(name)[0], rounded(name))
            )
        classes = [scores.argmax(1) for scores in (exact, near)]
        print(
            f"{name}, float16 on {len(images):,} test images: scores differ by "
            f"{(exact - near).abs().max():.4f} at most, {(classes[0] != classes[1]).sum()} classes "
            f"change, right before {(classes[0] == labels).sum():,}, after "
            f"{(classes[1] == labels).sum():,}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--digits", type=int, default=500, help="test digits (500)")
    parser.add_argument("--drawings", type=int, default=100, help="drawings (100)")
    parser.add_argument("--side", type=int, default=200, help="pixels of the drawings (200)")
    options = parser.parse_args()
    test = load_dataset(choose_dataset("auto"), "test")
    made, files = drawings(options.drawings), picture_files(6)
    with opened((ROOT / PAGE).as_uri()) as page, tempfile.TemporaryDirectory() as folder:
        drawn, pngs = converted_drawings(page, made, options.side)
        read = converted_files(page, files)
        digits = test.images[: options.digits].numpy()
        sets = {f"{test.name} digits": digits, "drawings": drawn, "pictures": read}
        good = compare_layers(page, sets)
        good &= compare_conversion("drawings", drawn, by_library(pngs, Path(folder)))
        good &= compare_conversion("pictures", read, by_library(files, Path(folder)))
        given = ["reader", encoded(digits[:1]), options.side, made[0]["strokes"]]
        times = page.evaluate(TIMES, given)
    show_rounding(test.images, test.labels)
    print(", ".join(f"{name}: {value:.2f} ms" for name, value in times.items()))
    return int(not good or times["one pass"] > MILLISECONDS)


if __name__ == "__main__":
    sys.exit(main())
