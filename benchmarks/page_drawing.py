"""Draw digits on the page "Draw a digit" as a hand would, and count how many it reads.

python benchmarks/page_drawing.py [--digits 20] [--seed 0] [--sheet FILE.png]

Chromium opens the parts of book/draw.md on a bare page, and a program moves the mouse: shapes of
`handwriting_shapes.py`, each as somebody might write it, in five manners. Of every drawing both
networks of the page are asked three times: of the digit as to_mnist scales and centres it, without
the centring, and without both. The table shows how many answers are right; in brackets, how many of
all were unsure (only the reader has a limit for that). Below it stand the times of a redraw of
everything: paper, bars, and all layers, in the scripts of one frame. With --sheet the drawings are
kept as a picture, to look at.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from handwriting_shapes import SHAPES, by_hand
from network_page import opened
from PIL import Image
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = ("reader", "lenet5")  # the cards of the page, in their order
HOWS = {"": (True, True), ", not centred": (True, False), ", neither": (False, False)}
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# How long the page's own work of each frame takes.
WATCH = """() => {
    const request = window.requestAnimationFrame.bind(window);
    window.frames_ms = [];
    window.requestAnimationFrame = (call) => request((now) => {
        const start = performance.now();
        call(now);
        window.frames_ms.push(performance.now() - start);
    });
}"""
# Manner -> height of the digit (share of the paper), how far its centre may be from the middle,
# the pen (of 280 pixels), the shaking (of the paper), haste as in `by_hand`.
MANNERS = {
    "centred": (0.68, 0.0, 24, 0.0, 1.0),
    "off-centre": (0.42, 0.26, 22, 0.0, 1.0),
    "tiny": (0.17, 0.3, 8, 0.0, 1.0),
    "thick": (0.68, 0.0, 48, 0.0, 1.0),
    "shaky": (0.62, 0.04, 22, 0.012, 1.6),
}


def bare_page(folder: Path, name: str = "draw") -> str:
    """Write what book/NAME.md gives to HTML into a file of `folder`; return its address."""
    text = (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")
    raw = "\n".join(re.findall(r"```\{raw\} html\n(.*?)```", text, re.DOTALL))
    static = (ROOT / "book" / "_static").as_uri()
    path = folder / f"{name}.html"
    head = f'<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{name}</title>\n'
    fallback = '<link rel="icon" href="data:,">\n<p class="network-fallback">No JavaScript.</p>\n'
    path.write_text(head + fallback + raw.replace("../_static", static), encoding="utf-8")
    return path.as_uri()


def strokes(digit: int, manner: str, random: np.random.Generator) -> list[np.ndarray]:
    """Return strokes, points (n, 2) in shares of the paper, of a digit written in a manner."""
    height, reach, _, shaking, haste = MANNERS[manner]
    shapes = SHAPES[digit]
    written = by_hand(shapes[random.integers(len(shapes))], random, haste)
    written = [stroke[::5] * height for stroke in written]  # a mouse reports less often
    points = np.concatenate(written)
    middle = (points.min(0) + points.max(0)) / 2
    angle = random.uniform(0, 2 * np.pi)
    place = 0.5 + reach * np.array([np.cos(angle), np.sin(angle)]) * (random.random() ** 0.3)
    moved = [stroke - middle + place for stroke in written]
    tremble = [random.normal(0, shaking, stroke.shape) for stroke in moved]
    return [np.clip(stroke + by, 0.02, 0.98) for stroke, by in zip(moved, tremble, strict=True)]


def draw(page: Page, drawing: list[np.ndarray], pen: int = 24) -> None:
    """Clear the paper and draw with the mouse."""
    page.get_by_role("button", name="Clear").click()
    page.locator("#network-pen").fill(str(pen))
    page.locator(".network-paper").scroll_into_view_if_needed()
    box = page.locator(".network-paper").bounding_box()
    for stroke in drawing:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()
    page.evaluate(FRAMES)


def answers(page: Page) -> list[tuple[int, bool]]:
    """Return what each network says now: the digit, and whether it is unsure of it."""
    said = page.locator(".network-answer").all_text_contents()
    return [(int(re.search(r"(\d) \(", words)[1]), words.startswith("unsure")) for words in said]


def ask(page: Page, scaling: bool, centring: bool) -> list[tuple[int, bool]]:
    """Return the answers with or without scaling and centring."""
    page.locator("#network-unscaled").set_checked(not scaling)
    page.locator("#network-uncentred").set_checked(not centring)
    page.evaluate(FRAMES)
    return answers(page)


def trials(page: Page, digits: int, seed: int) -> Iterator[tuple[str, int, list, bytes]]:
    """Draw; yield manner, digit, the answers in each of HOWS, PNG of the paper."""
    for place, manner in enumerate(MANNERS):
        for number in range(digits):
            drawing = strokes(number % 10, manner, np.random.default_rng([seed, place, number]))
            draw(page, drawing, MANNERS[manner][2])
            picture = page.locator(".network-paper").screenshot()
            yield manner, number % 10, [ask(page, *how) for how in HOWS.values()], picture


def table(found: list) -> list[str]:
    """Return the lines of the table: a row for each manner, and their sum."""
    heads = [f"{name}{how}" for name in NETWORKS for how in HOWS]
    lines = [f"{'':12}{'drawings':>9}" + "".join(f"{head:>22}" for head in heads)]
    for manner in [*MANNERS, "all"]:
        rows = [row for row in found if manner in (row[0], "all")]
        line = f"{manner:12}{len(rows):>9}"
        for network in range(len(NETWORKS)):
            for how in range(len(HOWS)):
                right = sum(row[2][how][network][0] == row[1] for row in rows)
                unsure = sum(row[2][how][network][1] for row in rows)
                line += f"{f'{right} ({unsure})' if network == 0 else right:>22}"
        lines.append(line)
    return lines


def save_sheet(path: Path, found: list, columns: int) -> None:
    """Save the drawings, a row of `columns` after the other, with the manners from above down."""
    side = 100
    sheet = Image.new("L", (columns * side, -(-len(found) // columns) * side), 255)
    for k, row in enumerate(found):
        tile = Image.open(BytesIO(row[3])).convert("L").resize((side, side))
        sheet.paste(tile, (k % columns * side, k // columns * side))
    sheet.save(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--digits", type=int, default=20, help="drawings in each manner (20)")
    parser.add_argument("--seed", type=int, default=0, help="of the handwriting (0)")
    parser.add_argument("--sheet", type=Path, help="save the drawings as a picture")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, opened(bare_page(Path(folder))) as page:
        page.evaluate(WATCH)
        found = list(trials(page, options.digits, options.seed))
        redraws = page.evaluate("() => window.frames_ms.filter((time) => time > 1)")
    print("\n".join(table(found)))
    print(
        f"{len(redraws):,} redraws: median {np.median(redraws):.1f} ms, 95 % below "
        f"{np.quantile(redraws, 0.95):.1f} ms, the longest {max(redraws):.1f} ms"
    )
    if options.sheet:
        save_sheet(options.sheet, found, options.digits)
    return 0


if __name__ == "__main__":
    sys.exit(main())
