"""The page "Slide a kernel", against torch and SciPy, with real pointers and keys."""

import base64
import itertools
import re

import export_photographs
import numpy as np
import pytest
import torch
from scipy.ndimage import laplace
from scipy.signal import convolve2d, correlate2d
from test_network_page import ROOT
from torch.nn import functional as F

from lenetcourse import load_model

SOURCE = (ROOT / "book" / "slide.md").read_text(encoding="utf-8")
LOADED = re.findall(r'"\.\./_static/network/([\w/]+\.(?:css|js))"', SOURCE)
POOLINGS = {"max2": (F.max_pool2d, 2), "average2": (F.avg_pool2d, 2), "max4": (F.max_pool2d, 4),
            "average4": (F.avg_pool2d, 4)}  # fmt: skip
STROKE = np.pad(np.ones((4, 3)), ((0, 1), (1, 1)))  # chapter 01's
VERTICAL = np.array([[-1, 0, 1]] * 3)
# Some calls take and give tensors: as nested lists outside the page.
CALL = """([name, options, ...values]) => {
    const tensors = values.map((rows) => Array.isArray(rows)
        ? lenet.tensor([rows.length, rows[0].length], rows.flat()) : rows);
    const isTensor = (value) => value?.data instanceof Float32Array;
    const rows = ({ shape: [, width], data }) => Array.from({ length: data.length / width },
        (_, row) => Array.from(data.slice(row * width, (row + 1) * width)));
    const found = lenet.sliding[name](...tensors, ...options);
    return isTensor(found) ? rows(found) : Object.fromEntries(Object.entries(found).map(
        ([key, value]) => [key, isTensor(value) ? rows(value) : value]));
}"""


def opened(browser, width=1280, **options):
    """Yield a page with nothing but this page's own part; nothing may go wrong in it."""
    context = browser.new_context(viewport={"width": width, "height": 1400}, **options)
    page = context.new_page()
    page.set_default_timeout(5000)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda request: wrong.append(request.url))
    page.set_content('<!DOCTYPE html><html lang="en"><meta name="viewport" content="width='
                     'device-width"><figure class="network-fallback"></figure>'
                     '<div id="slide-kernel"></div><div id="shift-test"></div>')  # fmt: skip
    for name in LOADED:
        path = ROOT / "book" / "_static" / "network" / name
        (page.add_style_tag if path.suffix == ".css" else page.add_script_tag)(path=path)
    yield page
    context.close()
    assert not wrong


@pytest.fixture(scope="module")
def shared(browser):
    yield from opened(browser)


@pytest.fixture
def page(shared):
    """The page as it is when it is opened."""
    shared.evaluate("""() => {
        const parts = document.querySelectorAll("#slide-kernel, #shift-test");
        parts.forEach((part) => part.replaceChildren());
        lenet.sliding.beginSlide();
    }""")
    return shared


@pytest.fixture
def calls(shared):
    """The page's functions: call(name, *arrays, options...)."""

    def call(name, *arrays, options=()):
        values = [np.asarray(array).tolist() for array in arrays]
        return shared.evaluate(CALL, [name, options, *values])

    return call


def four(page):
    """Return the example 4, (28, 28), 0 to 255."""
    return np.reshape(page.evaluate("Array.from(lenet.page.exampleDigits()[4].data)"), (28, 28))


def maps(image, kernel, convolution, relu, pooling, **layer):
    """Return map, rectified and pooled map as torch makes them."""
    kernel = np.ascontiguousarray(kernel[::-1, ::-1] if convolution else kernel)
    response = F.conv2d(torch.tensor(image)[None, None], torch.tensor(kernel)[None, None], **layer)
    active = F.relu(response) if relu else response
    operation, size = POOLINGS.get(pooling, (None, 1))
    pooled = operation(active, size)[0, 0] if operation else None
    return response[0, 0], active[0, 0], pooled


@pytest.mark.parametrize("side", [3, 5])
def test_every_map_is_that_of_torch(calls, side):
    generator = np.random.default_rng(side)
    image, kernel = generator.random((23, 28)), generator.normal(size=(side, side))
    choices = itertools.product([1, 2, 3], ["none", *POOLINGS])
    for turn, (stride, pooling) in enumerate(choices):
        padding, convolution, relu = turn % 3, turn % 2 == 1, turn % 4 > 1
        layer = {"stride": stride, "padding": padding, "bias": torch.tensor([-0.25]).double()}
        found = calls("slide", image, kernel, options=[{
            "stride": stride, "padding": padding, "bias": -0.25, "convolution": convolution,
            "relu": relu, "pooling": pooling}])  # fmt: skip
        expected = maps(image, kernel, convolution, relu, pooling, **layer)
        for name, values in zip(["map", "active", "pooled"], expected, strict=True):
            if values is None:
                assert found[name] is None
            else:
                np.testing.assert_allclose(found[name], values, atol=1e-5)


def test_turning_the_kernel_makes_a_cross_correlation_a_convolution(calls):
    generator = np.random.default_rng(0)
    image, kernel = generator.random((9, 12)), generator.normal(size=(3, 3))
    for turned, expected in [(False, correlate2d), (True, convolve2d)]:
        found = calls("slide", image, kernel, options=[{"convolution": turned}])
        np.testing.assert_allclose(found["map"], expected(image, kernel, mode="valid"), atol=1e-5)


def test_presets_do_what_their_names_say(shared):
    kernels = shared.evaluate("""() => {
        const learned = lenet.sliding.learnedKernels(lenet.loadModel("reader"));
        return Object.entries({ ...lenet.sliding.PRESETS, ...learned }).map(([name, entry]) =>
            [name, Array.from(entry.kernel.data), entry.bias ?? 0]);
    }""")
    found = {name: np.reshape(data, (int(len(data) ** 0.5), -1)) for name, data, _ in kernels}
    image = np.random.default_rng(0).random((12, 12))
    dot = np.zeros((3, 3))
    dot[1, 1] = 1
    np.testing.assert_allclose(found["laplace"], laplace(dot, mode="constant"))
    np.testing.assert_allclose(found["sharpen"], dot - found["laplace"])
    np.testing.assert_array_equal(correlate2d(image, found["identity"], "valid"), image[1:-1, 1:-1])
    np.testing.assert_array_equal(correlate2d(image, found["moving"], "valid"), image[1:-1, 2:])
    np.testing.assert_array_equal(found["horizontal"], found["vertical"].T)
    np.testing.assert_array_equal(found["falling"], np.rot90(found["rising"], -1))
    for side in (3, 5):
        np.testing.assert_allclose(found[f"blur{side}"], np.full((side, side), 1 / side**2))
    for edges in ("vertical", "horizontal", "rising", "falling", "laplace", "corner"):
        assert found[edges].sum() == 0, edges
    ink = np.kron(np.eye(2), np.ones((4, 4)))  # two squares that meet at their corners
    strongest = np.unravel_index(correlate2d(ink, found["corner"], "valid").argmax(), (6, 6))
    assert strongest == (2, 2)  # its window has the lower right corner of a square in the middle
    weights = load_model()[0].conv1
    for number in range(6):
        np.testing.assert_array_equal(
            found[f"lenet{number + 1}"], weights.weight[number, 0].detach().half().float()
        )
    biases = [bias for name, _, bias in kernels if name.startswith("lenet")]
    np.testing.assert_array_equal(biases, weights.bias.detach().half().float())


@pytest.mark.parametrize("side", [3, 5])
def test_shift_test_is_that_of_chapter_01(calls, shared, side):
    digit = four(shared)
    kernel = np.random.default_rng(side).normal(size=(side, side))
    # Chapter 01 pads by 5: 4 more are one square of the coarsest pooling.
    still = F.pad(torch.tensor(digit / 255), [9 + (side - 3) // 2] * 4)
    weight = torch.tensor(kernel)[None, None]
    for (down, right), size in itertools.product([(0, 1), (0, 2), (-8, 0), (2, -8)], [1, 2, 4, 44]):
        found = calls("shiftTest", digit / 255, kernel, options=[size, down, right])
        before, after = (
            F.max_pool2d(F.conv2d(image[None, None], weight).abs(), size)[0, 0]
            for image in (still, still.roll((down, right), (0, 1)))
        )
        np.testing.assert_allclose(found["after"], after, atol=1e-5)
        assert found["relative"] == pytest.approx(float((after - before).norm() / before.norm()),
                                                  abs=1e-5)  # fmt: skip
        assert found["stays"] == torch.allclose(before, after, atol=1e-5)
        assert found["follows"] == (down % size == right % size == 0)


def test_photographs_are_those_of_scikit_learn(shared):
    for name, expected in export_photographs.pieces().items():
        entry = shared.evaluate("(name) => lenet.photographs[name]", name)
        found = np.frombuffer(base64.b64decode(entry["bytes"]), np.uint8).reshape(entry["side"], -1)
        # Decoders of JPEG may differ by a grey level.
        assert np.abs(found.astype(int) - expected).max() <= 1
    assert "CC BY 2.0" in export_photographs.script()
    assert "CC BY 2.0" in SOURCE


def test_what_stands_in_the_page_without_javascript(page):
    """The figure is the example that one sees first, and goes when the page works."""
    tables = re.findall(r"<table.*?</table>", SOURCE, re.S)
    image, kernel, output = (
        np.array([re.findall(r"<td>(.*?)</td>", row) for row in table.split("</tr>")[:-1]])
        for table in tables
    )
    image, kernel, output = (
        np.char.replace(a, "−", "-").astype(float) for a in (image, kernel, output)
    )
    np.testing.assert_array_equal(image, STROKE)
    np.testing.assert_array_equal(kernel, VERTICAL)
    np.testing.assert_array_equal(output, correlate2d(image, kernel, mode="valid"))
    assert page.locator(".network-fallback").count() == 0


def number(text):
    return float(text.replace("−", "-"))


def sums(page):
    """Return what stands under the line of numbers: name -> number."""
    lines = page.locator(".slide-sum div").all_inner_texts()
    return {name: number(value) for name, value in (line.split("\n") for line in lines)}


def choice(page, name):
    return page.get_by_role("combobox", name=name, exact=True)


def view(page, name):
    return page.get_by_label(re.compile(rf"^{name}\. "))


def settled(page):
    """Wait until what was asked for is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def test_the_window_moves_by_keys_and_by_pointer(page):
    expected = correlate2d(STROKE, VERTICAL, mode="valid")
    view(page, "input").focus()
    for key, place in [("ArrowDown", (1, 0)), ("ArrowRight", (1, 1)), ("End", (2, 2)),
                       ("ArrowDown", (2, 2)), ("ArrowLeft", (2, 1)), ("Home", (0, 0))]:  # fmt: skip
        page.keyboard.press(key)
        settled(page)
        assert sums(page)["response"] == expected[place]
        said = f"row {place[0] + 1}, column {place[1] + 1}: {expected[place]:.0f}"
        assert page.get_by_role("status").inner_text().strip() == said.replace("-", "−")
    for name, cells, places in [("input", 5, {(3, 3): (2, 2), (0, 4): (0, 2)}),
                                ("map", 3, {(2, 0): (2, 0)})]:  # fmt: skip
        box = view(page, name).bounding_box()
        at = [[(n + 0.5) * box["width"] / cells for n in cell] for cell in places]
        page.mouse.move(box["x"] + at[0][1], box["y"] + at[0][0])
        page.mouse.down()
        for (row, column), place in zip(at, places.values(), strict=True):
            page.mouse.move(box["x"] + column, box["y"] + row)
            settled(page)
            assert sums(page)["response"] == expected[place]
        page.mouse.up()


def test_what_is_shown_is_what_was_chosen(page):
    choice(page, "Image").select_option("digit4")
    choice(page, "Kernel").select_option("lenet3")
    choice(page, "Padding").select_option("2")
    choice(page, "Stride").select_option("2")
    choice(page, "Pooling").select_option("average2")
    page.get_by_label("ReLU").check()
    page.get_by_label("turn the kernel").check()
    settled(page)
    view(page, "map").focus()
    page.keyboard.press("Home")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    settled(page)
    digit = four(page)
    layer = load_model()[0].half().float().conv1
    kernel = layer.weight[2, 0].detach().numpy()
    bias = layer.bias[2:3].detach()
    response, active, pooled = maps((digit / 255).astype(np.float32), kernel, True, True,
                                    "average2", bias=bias, stride=2, padding=2)  # fmt: skip
    assert sums(page) == pytest.approx({
        "sum of the products": float(response[5, 5] - bias), "+ bias": float(bias),
        "response": float(response[5, 5]), "after ReLU": float(active[5, 5]),
        "mean of 2x2": float(pooled[2, 2])}, abs=0.00501)  # fmt: skip
    tables = {name: page.get_by_role("table", name=name, exact=True).locator("td").all_inner_texts()
              for name in ("window", "weights, turned", "products")}  # fmt: skip
    window, weights, products = ([number(text) for text in texts] for texts in tables.values())
    np.testing.assert_allclose(weights, kernel[::-1, ::-1].ravel(), atol=0.00501)
    np.testing.assert_allclose(window, np.pad(digit / 255, 2)[10:15, 10:15].ravel(), atol=0.00501)
    assert sum(products) == pytest.approx(sums(page)["sum of the products"], abs=25 * 0.005)
    assert "pooled 7x7" in page.locator("#slide-kernel").inner_text()


def test_weights_are_typed_and_dragged(page):
    field = page.get_by_label("row 1, column 3")
    field.fill("2,5")
    settled(page)
    assert sums(page)["response"] == 3 + 1.5  # the pixel below it is 1
    assert choice(page, "Kernel").input_value() == "own"
    field.fill("x")
    assert "no number" in page.get_by_role("alert").inner_text()
    field.fill("1")
    field.press("ArrowUp")
    field.press("ArrowUp")
    field.press("ArrowDown")
    settled(page)
    assert field.input_value() == "2"
    assert not page.get_by_role("alert").is_visible()
    box = page.get_by_label("row 2, column 2").bounding_box()
    page.mouse.move(box["x"] + 9, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + 9, box["y"] - 16)
    page.mouse.up()
    settled(page)
    assert page.get_by_label("row 2, column 2").input_value() == "3"
    assert sums(page)["response"] == 3 + 1 + 3


@pytest.mark.parametrize(("typed", "weight"), [
    ("1/9", 1 / 9), ("−1/4", -0.25), ("2,5", 2.5), (" 99 ", 99), (".5", 0.5)])  # fmt: skip
def test_numbers_may_be_typed_as_fractions_and_with_a_comma(shared, typed, weight):
    assert shared.evaluate("(text) => lenet.sliding.typed(text)", typed) == pytest.approx(weight)


@pytest.mark.parametrize(("typed", "problem"), [
    ("", "An empty field is no number."), ("1/0", "“1/0” is no number."),
    ("1/2/3", "“1/2/3” is no number."), ("/2", "“/2” is no number."),
    ("1e9", "“1e9”: numbers go from −99 to 99 here.")])  # fmt: skip
def test_what_is_no_number_is_said(shared, typed, problem):
    ask = "(text) => { try { lenet.sliding.typed(text); } catch (error) { return error.message; } }"
    assert shared.evaluate(ask, typed) == problem


def first_weight(page):
    return number(page.get_by_role("table", name="weights").locator("td").first.inner_text())


def test_what_is_typed_after_a_click_replaces_the_weight(page):
    field = page.get_by_label("row 1, column 1")  # −1
    for press, keys, weight in [(field.click, "2", 2), (field.dblclick, "-7", -7),
                                (field.dblclick, "5", 5), (field.click, "1/9", 0.11)]:  # fmt: skip
        press()
        page.keyboard.type(keys, delay=20)
        settled(page)
        assert first_weight(page) == weight
    page.keyboard.press("ArrowUp")  # the page's own number is selected as well
    page.keyboard.type("3")
    settled(page)
    assert first_weight(page) == 3
    bias = page.get_by_label("Bias")
    bias.click()
    page.keyboard.type("1/2")
    settled(page)
    assert sums(page)["+ bias"] == 0.5


def test_a_tap_selects_the_weight_and_a_finger_drags_it(browser):
    for page in opened(browser, 390, has_touch=True, is_mobile=True):
        field = page.get_by_label("row 1, column 1")
        field.tap()
        page.keyboard.type("2")
        settled(page)
        assert first_weight(page) == 2
        field.tap()
        page.keyboard.type("4")
        settled(page)
        assert first_weight(page) == 4
        box = field.bounding_box()
        finger = page.context.new_cdp_session(page)
        x, y = box["x"] + 9, box["y"] + 9
        for kind, points in [("touchStart", [(x, y)]), ("touchMove", [(x, y - 20)]),
                             ("touchMove", [(x, y - 41)]), ("touchEnd", [])]:  # fmt: skip
            points = [{"x": x, "y": y} for x, y in points]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        settled(page)
        assert first_weight(page) == 9
        assert page.evaluate("scrollY") == 0


def test_what_is_no_number_is_not_kept_and_moves_nothing(page):
    field, alert = page.get_by_label("row 1, column 1"), page.locator("[role=alert]")
    play = page.get_by_role("button", name="Play")
    before = play.bounding_box()
    for keys, problem in [("1/x", "“1/x” is no number."), ("1e9", "“1e9”: numbers go from"),
                          ("", "An empty field is no number.")]:  # fmt: skip
        field.click()
        page.keyboard.press("Backspace")
        page.keyboard.type(keys, delay=20)
        settled(page)
        assert field.get_attribute("aria-invalid") == "true"
        assert alert.inner_text().startswith(problem if keys else "")
        page.keyboard.press("Tab")
        settled(page)
        assert alert.inner_text().startswith(problem)
        assert alert.inner_text().endswith("The weight is −1 again.")
        assert (field.input_value(), first_weight(page)) == ("−1", -1)
        assert play.bounding_box() == before
    field.fill("-2")
    settled(page)
    assert not alert.is_visible()


def test_ones_own_kernel_is_kept(page):
    page.get_by_label("row 2, column 2").fill("7")
    page.get_by_label("Bias").fill("-2")
    choice(page, "Kernel").select_option("lenet1")
    settled(page)
    choice(page, "Kernel").select_option("own")
    settled(page)
    assert page.get_by_label("row 2, column 2").input_value() == "7"
    assert page.get_by_label("Bias").input_value() == "−2"
    assert page.get_by_role("group", name="Kernel: weights").locator("input").count() == 9


def scale(page):
    """Return what stands at both ends of the legend, and its words."""
    low, high, words = page.locator(".network-legend > :not(canvas)").all_inner_texts()
    return number(low), number(high), words


def test_colours_are_scaled_to_what_is_shown(page):
    page.get_by_role("button", name="Complete the map").click()
    settled(page)
    assert scale(page) == (-3, 3, "map: blue below 0, white 0, red above")
    page.get_by_label("Bias").fill("-2.5")
    page.get_by_label("ReLU").check()
    settled(page)
    assert scale(page) == (0, 0.5, "map: white 0, red above")
    first = "(map) => Array.from(map.getContext('2d').getImageData(0, 0, 1, 1).data)"
    assert view(page, "map").evaluate(first) == [103, 0, 31, 255]  # the end of the scale


def frame(page):
    """Return where the window stands: the middle of its frame, in shares of the input."""
    style = page.locator(".slide-figure").first.locator(".slide-window").get_attribute("style")
    top, height, left, width = (float(share) for share in re.findall(r"([\d.]+)%", style))
    return top + height / 2, left + width / 2


def test_the_window_keeps_its_place_in_the_image(page):
    choice(page, "Image").select_option("digit4")
    view(page, "map").focus()
    for _ in range(5):
        page.keyboard.press("ArrowUp")
    settled(page)
    image = 28

    def pixel(padding):
        return [share * (image + 2 * padding) / 100 - padding for share in frame(page)]

    start = pixel(0)
    for stride, padding, side in ["203", "225", "305", "323"]:
        choice(page, "Stride").select_option(stride)
        choice(page, "Padding").select_option(padding)
        choice(page, "Its size").select_option(side)
        settled(page)
        assert pixel(int(padding)) == pytest.approx(start, abs=int(stride) / 2 + 0.01)
    choice(page, "Stride").select_option("1")  # and no rounding is left behind
    settled(page)
    assert pixel(2) == pytest.approx(start, abs=0.01)


def test_largest_and_smallest_take_the_window_there(page):
    largest, smallest = (page.get_by_role("button", name=name) for name in ("largest", "smallest"))
    assert "row 1, column 1" in smallest.inner_text()  # what is not known yet is not given away
    choice(page, "Image").select_option("digit4")
    settled(page)
    expected = correlate2d(four(page) / 255, VERTICAL, mode="valid")
    for button, place in [(largest, expected.argmax()), (smallest, expected.argmin())]:
        row, column = np.unravel_index(place, expected.shape)
        assert button.inner_text().endswith(f", row {row + 1}, column {column + 1}")
        button.click()
        settled(page)
        assert sums(page)["response"] == pytest.approx(expected[row, column], abs=0.00501)


# Cells whose text is wider or higher than they are.
CUT = """() => Array.from(document.querySelectorAll("#slide-kernel .slide-cells span")).filter(
    (cell) => cell.scrollWidth > cell.clientWidth || cell.scrollHeight > cell.clientHeight)
    .map((cell) => cell.textContent)"""


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_numbers_fit_their_cells_and_all_fits_the_page(browser, width):
    """The setting of task 3, and large numbers."""
    for page in opened(browser, width, has_touch=width < 1280):
        choice(page, "Image").select_option("digit4")
        for name, value in [("Kernel", "lenet1"), ("Padding", "2"), ("Stride", "2"),
                            ("Pooling", "max2")]:  # fmt: skip
            choice(page, name).select_option(value)
        settled(page)
        texts = page.locator(".slide-cells").nth(2).locator("span").all_inner_texts()
        assert len(texts) == 49
        assert any(re.fullmatch(r"−\d\.\d", text) for text in texts)
        assert page.evaluate(CUT) == []
        size = "(cell) => parseFloat(getComputedStyle(cell).fontSize)"
        assert page.locator(".slide-cells span").last.evaluate(size) >= 11
        page.get_by_label("row 3, column 3").fill("-98.75")
        settled(page)
        assert page.evaluate(CUT) == []
        signs = "(signs) => signs.every((sign) => sign.offsetWidth)"
        assert page.locator(".slide-sign").evaluate_all(signs)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_kernel_grows_and_what_does_not_fit_is_said(page):
    choice(page, "Its size").select_option("5")
    choice(page, "Padding").select_option("1")
    settled(page)
    assert page.get_by_role("group", name="Kernel: weights").locator("input").count() == 25
    assert sums(page)["response"] == 3  # a frame of zeros around the same kernel
    choice(page, "Pooling").select_option("max4")
    settled(page)
    assert "does not fit" in page.get_by_role("alert").inner_text()
    choice(page, "Pooling").select_option("none")
    settled(page)
    assert not page.get_by_role("alert").is_visible()


def filled_in(page):
    return sum(
        bool(text) for text in page.locator(".slide-cells").nth(1).locator("span").all_inner_texts()
    )


def test_the_map_fills_in(page):
    settled(page)
    assert filled_in(page) == 1
    page.get_by_role("button", name="Step").click()
    settled(page)
    assert filled_in(page) == 2
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").click()
    settled(page)
    assert filled_in(page) == 3
    page.get_by_role("button", name="Complete the map").click()
    settled(page)
    assert filled_in(page) == 9


def test_the_map_fills_in_by_itself(browser):
    for page in opened(browser):
        page.clock.install()
        page.get_by_role("button", name="Play").click()
        page.clock.run_for(3000)
        assert 4 <= filled_in(page) < 9  # slow enough to follow
        page.clock.run_for(7000)
        assert filled_in(page) == 9
        assert page.get_by_role("button", name="Play").is_visible()  # and no longer "Pause"


def test_without_motion_whole_rows_fill_in(browser):
    for page in opened(browser, reduced_motion="reduce"):
        page.clock.install()
        page.get_by_role("button", name="Play").click()
        page.clock.run_for(1600)
        assert filled_in(page) == 2 + 3
        page.get_by_label("turn the kernel").check()
        page.clock.run_for(100)
        style = "(table) => getComputedStyle(table).animationName"
        assert page.get_by_role("table", name="weights, turned").evaluate(style) == "none"


def test_a_drawing_of_ones_own(page):
    choice(page, "Image").select_option("drawing")
    choice(page, "Kernel").select_option("identity")
    box = page.get_by_role("application", name="Your own drawing").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 3 / 4, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    settled(page)
    assert sums(page)["response"] == 1  # the window stands in the middle
    page.get_by_role("button", name="Clear").click()
    settled(page)
    assert sums(page)["response"] == 0


def shift_table(page):
    """Return what the shift test says: name of the map -> (what it does, its change)."""
    rows = page.get_by_role("table").filter(has_text="What it does").locator("tbody tr")
    cells = [text.split("\t") for text in rows.all_inner_texts()]
    return {name: (words, change.replace("\u00a0", " ")) for name, words, change in cells}


def test_a_digit_moves_and_the_page_says_which_maps_follow(page):
    part = page.locator("#shift-test")
    assert shift_table(page)["not pooled"] == ("follows the digit", "72 %")
    right = part.get_by_role("button", name="one right")
    right.click()
    assert "moved by 2 pixels to the right." in part.inner_text()
    verdicts = [words for words, _ in shift_table(page).values()]
    assert verdicts == ["follows the digit"] * 2 + ["neither stays nor follows", "stays the same"]
    assert "moved by 2 pixels" in page.get_by_role("status").inner_text()
    for _ in range(6):
        assert right.get_attribute("aria-disabled") == "false"
        page.keyboard.press("Enter")  # the button has the focus, and keeps it
    assert [words for words, _ in shift_table(page).values()] == ["follows the digit"] * 3 + [
        "stays the same"]  # fmt: skip
    page.keyboard.press("Enter")
    assert "moved by 8 pixels to the right; 8 is the most" in part.inner_text()
    assert right.get_attribute("aria-disabled") == "true"
    part.get_by_role("button", name="back in place").click()
    assert set(shift_table(page).values()) == {("not moved", "0 %")}


def test_the_answer_to_the_shift_test_holds(page):
    answer = SOURCE.split("*The pairs.*")[1].split("</details>")[0].replace("&nbsp;", " ")
    changes = [change for _, change in shift_table(page).values()]
    assert "{} not pooled, {} pooled by 2, {} pooled by 4".format(*changes[:3]) in answer
    choice(page, "Kernel").select_option("moving")
    settled(page)
    changes = [change.removesuffix(" %") for _, change in shift_table(page).values()]
    assert "“identity, one pixel aside” it is {}, {} and {} %".format(*changes[:3]) in answer


def test_digit_and_drawing_of_the_shift_test_are_those_above(page):
    part = page.locator("#shift-test")
    choice(page, "Image").select_option("digit7")
    assert choice(page, "Digit").input_value() == "digit7"
    choice(page, "Image").select_option("temple")  # has no empty ground to move on
    assert choice(page, "Digit").input_value() == "digit7"
    choice(page, "Image").select_option("drawing")
    settled(page)
    assert "There is no drawing yet" in part.inner_text()
    box = page.get_by_role("application", name="Your own drawing").bounding_box()
    page.mouse.move(box["x"] + 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.up()
    settled(page)
    assert shift_table(page)["not pooled"][0] == "follows the digit"
    part.get_by_role("button", name="one left").focus()
    for _ in range(9):
        page.keyboard.press("Enter")
    assert "moved by 7 pixels to the left; 7 is the most" in part.inner_text()  # ink at the edge
    verdicts = [words for words, _ in shift_table(page).values()]
    assert (verdicts[0], verdicts[3]) == ("follows the digit", "stays the same")


def test_photographs_are_written_and_checked(tmp_path, capsys):
    assert export_photographs.main(["--check"], tmp_path) == 1
    assert export_photographs.main([], tmp_path) == 0
    path = tmp_path / export_photographs.SCRIPT
    assert path.read_text(encoding="utf-8") == export_photographs.script()
    assert export_photographs.main(["--check"], tmp_path) == 0
    assert export_photographs.main([], path) == 2  # a file, where a folder should be
    assert capsys.readouterr().err.startswith("export_photographs: ")
