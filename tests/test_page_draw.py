"""The page "Draw a digit": what hands, keys and files do on it, and what it saves."""

import base64
import importlib
import io
import re
import sys
from pathlib import Path

import export_digits
import numpy as np
import pytest
import torch
from PIL import Image

from lenetcourse import (
    LeNet5,
    load_drawings,
    load_model,
    predict_probabilities,
    read_idx,
    save_model,
    to_mnist,
)
from lenetcourse.data.pictures import example_pictures
from lenetcourse.models.vae import VAE

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "benchmarks"))  # last: it has a module named as one of tools/
page_drawing = importlib.import_module("page_drawing")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return page_drawing.bare_page(tmp_path_factory.mktemp("page"))


@pytest.fixture
def page(browser, address):
    """Open the page; at the end, check that nothing went wrong and nothing was asked for."""
    context = browser.new_context(viewport={"width": 1000, "height": 900}, has_touch=True)
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    local = ("file:", "data:", "blob:")
    page.on("request", lambda one: one.url.startswith(local) or wrong.append(one.url))
    page.goto(address)
    yield page
    context.close()
    assert wrong == []


def settle(page):
    page.evaluate(page_drawing.FRAMES)


def canvas(page, name):
    """Return a canvas of the page as a grey picture."""
    url = page.locator(f".{name}").evaluate("(canvas) => canvas.toDataURL()")
    return Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("L")


def seen(page):
    """Return what the page shows as the network's input, uint8 (28, 28)."""
    settle(page)
    return 255 - np.array(canvas(page, "network-seen"))


def verdict(page):
    settle(page)
    return page.locator(".network-verdict").inner_text()


def draw_digit(page, digit, manner="centred"):
    random = np.random.default_rng(digit)
    strokes = page_drawing.strokes(digit, manner, random)
    page_drawing.draw(page, [stroke[::2] for stroke in strokes], page_drawing.MANNERS[manner][2])


def unfold(page, words):
    page.locator("summary", has_text=words).click()


def said(network, image):
    """Return what the page says of an image, uint8 (28, 28), as the library has it."""
    shares = predict_probabilities(network, torch.as_tensor(image)[None])[0]
    return int(shares.argmax()), float(shares.max())


def test_a_drawing_is_seen_and_read_as_in_the_library(page, tmp_path):
    assert verdict(page) == "Draw something."
    draw_digit(page, 4)
    drawing = tmp_path / "drawing.png"
    canvas(page, "network-paper").resize((140, 140), Image.Resampling.BOX).save(drawing)
    expected = to_mnist(drawing).numpy()
    assert np.abs(seen(page).astype(int) - expected).max() <= 8  # rounding of the browser's scaling
    digit, share = said(load_model("reader")[0], seen(page))
    assert digit == 4
    shown, percent = re.fullmatch(r"(\d) \(([\d.]+) %\)", verdict(page)).groups()
    assert int(shown) == digit
    assert float(percent) == pytest.approx(100 * share, abs=0.1)
    numbers = page.locator(".network-says .network-number").all_inner_texts()
    shares = [float(re.fullmatch(r"(?:< )?([\d.]+) %", number)[1]) for number in numbers]
    assert sum(shares) == pytest.approx(100, abs=1)


def middle(image):
    """Return the centre of mass of an image, [row, column], in shares of its sides."""
    places = np.indices(image.shape) + 0.5
    return (places * image).sum((1, 2)) / image.sum() / image.shape


def extent(image):
    """Return how many rows and columns have ink."""
    return [int((image > 64).any(axis).sum()) for axis in (1, 0)]


def test_scaling_and_centring_are_left_out_one_by_one(page):
    draw_digit(page, 7, "off-centre")
    paper = 255 - np.array(canvas(page, "network-paper").resize((280, 280))).astype(float)
    assert page_drawing.ask(page, scaling=True, centring=True)[0] == (7, False)
    both = seen(page)
    page_drawing.ask(page, scaling=False, centring=True)
    place = seen(page)
    page_drawing.ask(page, scaling=True, centring=False)
    size = seen(page)
    page_drawing.ask(page, scaling=False, centring=False)
    neither = seen(page)
    pixel = 0.6 / 28  # the place is rounded to whole pixels
    for image in (both, place):
        assert np.abs(middle(image) - 0.5).max() < pixel
    assert np.abs(middle(neither) - middle(paper)).max() < pixel
    assert np.abs(middle(size) - 0.5).max() > 2 * pixel  # as far as 28 pixels allow
    assert max(extent(both)) == max(extent(size)) == 20
    assert max(extent(place)) == max(extent(neither))
    assert abs(max(extent(neither)) - max(extent(paper)) / 10) <= 1.5
    unfold(page, "step by step")
    settle(page)
    assert page.locator(".network-step").all_inner_texts()[-2:] == ["not scaled", "not centred"]


def test_undo_clear_and_the_examples_by_keys(page):
    def is_example(digit):  # shown as ink: nearly white and nearly black are so altogether
        return np.abs(seen(page).astype(int) - digits[digit]).mean() < 20

    digits = export_digits.examples().numpy().astype(int)
    for digit in (3, 8):  # wherever the focus is
        page.keyboard.press(str(digit))
        assert verdict(page).startswith(f"{digit} (")
    assert is_example(8)
    page.keyboard.press("Control+z")
    assert is_example(3)
    page.get_by_role("button", name="Clear").click()
    assert verdict(page) == "Draw something."
    assert not seen(page).any()
    page.get_by_role("button", name="Undo").click()  # a clearing is undone, too
    assert is_example(3)
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()  # once more than there is
    assert verdict(page) == "Draw something."


def test_keys_are_digits_where_something_is_written_and_can_be_switched_off(page):
    page.evaluate("() => document.body.append(document.createElement('input'))")
    page.locator("body > input").press("7")
    assert page.locator("body > input").input_value() == "7"
    assert verdict(page) == "Draw something."
    page.locator("#network-uncentred").press("7")
    assert verdict(page).startswith("7 (")
    page.get_by_label("also by the keys").uncheck()
    page.keyboard.press("4")
    assert verdict(page).startswith("7 (")


def test_a_bar_has_the_same_length_beside_every_number(page):
    page.keyboard.press("7")
    settle(page)
    for width in (320, 390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        tracks = page.locator(".network-says .network-track")
        sides = "(all) => all.map((one) => one.getBoundingClientRect().width)"
        before = tracks.evaluate_all(sides)
        page.keyboard.press("6")
        settle(page)
        assert tracks.evaluate_all(sides) == before
        page.keyboard.press("7")
    assert "< 0.1 %" in page.locator(".network-says .network-number").all_inner_texts()


def test_the_rule_for_being_unsure_is_that_of_the_weights(page):
    limit = load_model("reader")[1]["unsure_below"]
    rule = page.locator(".network-says .network-note")
    assert f"less than {100 * limit:.1f} percentage points ahead" in rule.inner_text()
    assert page.locator(".network-title").last.inner_text() == "What “reader” says"
    unfold(page, "Compare")
    page.get_by_label("lenet5", exact=True).check()
    settle(page)
    assert rule.inner_text().startswith("It is never unsure")


def test_a_digit_drawn_with_the_keys_alone(page):
    page.locator(".network-paper").focus()
    keys = ["ArrowLeft"] * 4 + [" "] + ["ArrowRight"] * 9 + ["ArrowDown"] * 15 + [" "]
    for key in keys:
        page.keyboard.press(key)
    assert verdict(page).startswith("7 (")
    assert "Pen up" in page.locator("[role=status]").inner_text()


def test_a_finger_draws_and_a_second_one_does_not_disturb(page):
    box = page.locator(".network-paper").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 40

    def touch(kind, which, dx, dy):
        event = {"pointerId": which, "pointerType": "touch", "isPrimary": which == 1}
        place = {"clientX": x + dx, "clientY": y + dy, "button": 0, "bubbles": True}
        page.locator(".network-paper").dispatch_event(kind, event | place)

    # Only a real pointer can be captured; that is the mouse's part in the other tests.
    page.evaluate("() => { HTMLCanvasElement.prototype.setPointerCapture = () => {}; }")
    touch("pointerdown", 1, 0, 0)
    touch("pointerdown", 2, -90, 150)
    for step in range(1, 9):
        touch("pointermove", 1, 0, 25 * step)
        touch("pointermove", 2, -90 + 20 * step, 150)
    touch("pointerup", 2, 90, 150)
    touch("pointerup", 1, 0, 200)
    assert verdict(page).startswith("1 (")
    style = "() => getComputedStyle(document.querySelector('.network-paper')).touchAction"
    assert page.evaluate(style) == "none"


def test_a_photograph_is_read_as_the_library_reads_it(page, tmp_path):
    name, path = next(iter(example_pictures().items()))
    page.set_input_files("#network-picture", path)
    page.wait_for_function("() => document.querySelector('.network-verdict').innerText.match('%')")
    assert np.abs(seen(page).astype(int) - to_mnist(path).numpy()).max() <= 1, name
    wrong = tmp_path / "notes.png"
    wrong.write_text("no picture")
    page.set_input_files("#network-picture", wrong)
    alert = page.get_by_role("alert").filter(has_text="notes.png was not taken.")
    alert.wait_for()
    assert "This is not a picture that can be read" in alert.inner_text()
    page.get_by_role("button", name="Undo").click()  # what is done next takes the sentence away
    assert not alert.is_visible()


@pytest.mark.parametrize(
    "event",
    [
        "new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true })",
        "new ClipboardEvent('paste', { clipboardData: files, bubbles: true })",
    ],
    ids=["drop", "paste"],
)
def test_a_picture_by_drop_or_paste(page, event):
    path = next(iter(example_pictures().values()))
    page.evaluate(
        f"""(bytes) => {{
            const files = new DataTransfer();
            files.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "a"));
            document.body.dispatchEvent({event});
        }}""",
        base64.b64encode(path.read_bytes()).decode(),
    )
    page.locator(".network-verdict", has_text="%").wait_for()
    assert np.abs(seen(page).astype(int) - to_mnist(path).numpy()).max() <= 1


def test_a_pen_that_presses_harder_draws_wider(page):
    inked = page.evaluate("""() => [0.25, 0.5, 0.75].map((pressure) => {
        const paper = new lenet.Paper({ label: "Paper" });
        paper.canvas.setPointerCapture = () => {};
        document.body.append(paper.canvas);
        const box = paper.canvas.getBoundingClientRect();
        for (const [type, x] of [["pointerdown", 60], ["pointermove", 120], ["pointerup", 180]]) {
            paper.canvas.dispatchEvent(new PointerEvent(type, {
                pointerType: "pen", pointerId: 1, pressure,
                clientX: box.left + x, clientY: box.top + 99,
            }));
        }
        return paper.pixels().data.filter((value, at) => at % 4 === 0 && value < 128).length;
    })""")
    assert inked[1] > 1.5 * inked[0]
    assert inked[2] > 1.3 * inked[1]


def test_own_weights_join_the_others_or_a_sentence_says_why_not(page, tmp_path):
    torch.manual_seed(0)
    mine = LeNet5(kernels=(3, 8)).eval()
    save_model(mine, tmp_path / "mine.safetensors")
    save_model(VAE(latent=2), tmp_path / "vae.safetensors")
    (tmp_path / "half.safetensors").write_bytes((tmp_path / "mine.safetensors").read_bytes()[:5000])
    draw_digit(page, 2)
    unfold(page, "Compare")
    page.set_input_files("#network-weights", tmp_path / "mine.safetensors")
    page.locator("label", has_text="yours: mine").wait_for()
    digit, share = said(mine, seen(page))
    own = page.locator(".network-answer").last.inner_text()
    assert own == f"{digit} ({100 * share:.1f} %)"
    assert verdict(page) == own
    for name, words in (("vae", "It holds a VAE"), ("half", "is it complete?")):
        page.set_input_files("#network-weights", tmp_path / f"{name}.safetensors")
        page.get_by_role("alert").filter(has_text=f"{name}.safetensors was not taken.").wait_for()
        assert words in page.get_by_role("alert").inner_text()
    assert page.locator(".network-card").count() == 3
    page.get_by_label("lenet5", exact=True).check()
    assert verdict(page) == page.locator(".network-answer").nth(1).inner_text()


def test_the_test_set_that_was_collected_is_read_back_equal(page, tmp_path):
    unfold(page, "Collect")
    kept, labels = [], [7, 1, 5]
    for digit, label in zip([7, 1, 3], labels, strict=True):
        page.locator(".network-paper").press(str(digit))
        kept.append(seen(page))
        page.get_by_role("button", name=f"Keep as {label}").click()
    assert verdict(page) == "Draw something."
    assert "reader: 2 of 3 right (66.7 %); lenet5: " in page.locator("#draw").inner_text()
    assert "answer of “reader”" in page.locator("#draw").inner_text()
    assert page.locator(".network-missed").inner_text().startswith("5 ✗ read as 3")
    for words in ("images", "labels", "sheet"):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save {'a ' * (words == 'sheet')}{words}").click()
        download.value.save_as(tmp_path / download.value.suggested_filename)
    images = read_idx(tmp_path / "drawings-test-images-idx3-ubyte")
    assert np.array_equal(images, np.stack(kept))
    mine = load_drawings(tmp_path)
    assert np.array_equal(mine.images.numpy(), images)
    assert mine.labels.tolist() == labels
    assert Image.open(tmp_path / "drawings.png").size == (840, 104)
    page.get_by_role("button", name="Remove drawing 3").click()
    assert "reader: 2 of 2 right (100.0 %)" in page.locator("#draw").inner_text()


def test_only_what_has_the_form_of_mnist_is_kept_and_unsure_is_said(page):
    unfold(page, "Collect")
    draw_digit(page, 7, "off-centre")
    keep = page.get_by_role("button", name="Keep as 7")
    for name in ("scaling", "centring"):
        page.get_by_label(f"without {name}").check()
        settle(page)
        assert keep.is_disabled()
        page.get_by_text("Nothing can be kept while").wait_for()
        page.get_by_label(f"without {name}").uncheck()
    letter = [[(0.2, 0.9), (0.5, 0.1), (0.8, 0.9)], [(0.32, 0.6), (0.68, 0.6)]]
    page_drawing.draw(page, letter)
    assert verdict(page).startswith("unsure")
    assert np.array_equal(255 - np.array(canvas(page, "network-keep")), seen(page))
    keep.click()
    assert page.locator(".network-missed").inner_text().strip().split("\n")[0].endswith(", unsure")
    assert "(0.0 %), 1 of all unsure; lenet5: " in page.locator("#draw").inner_text()
    page.get_by_role("button", name="To the paper").click()
    assert page.locator(".network-paper:focus").count() == 1


def test_no_scroll_bar_across_and_the_figure_is_replaced(page):
    page.locator(".network-paper").press("4")
    for words in ("step by step", "Compare", "Collect"):
        unfold(page, words)
    for width in (320, 390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        settle(page)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert page.locator(".network-fallback").count() == 0


def test_the_example_digits_are_those_of_the_library(page):
    assert export_digits.main(["--check"]) == 0
    pictures = page.evaluate("() => lenet.page.exampleDigits().map(({ data }) => [...data])")
    assert np.array_equal(np.reshape(pictures, (10, 28, 28)), export_digits.examples().numpy())
