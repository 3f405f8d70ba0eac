"""The layers of a network in the page: what each number is computed from, against torch."""

import base64
import copy
import io

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save
from test_network_page import ROOT
from torch import nn
from torch.nn import functional as F

from lenetcourse import LeNet5, activations

NETWORK = ROOT / "book" / "_static" / "network"
SCRIPTS = ["ops", "safetensors", "networks", "page", "weights/digits", "stages", "explain",
           "layer_maps", "layer_lines", "layer_way", "layer_number", "layer_views",
           "layers"]  # fmt: skip
# Shows a network, of weights in base64, on one of the example digits.
SHOW = """([weights, digit, change]) => {
    const bytes = Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0));
    const network = lenet.makeNetwork(lenet.readSafetensors(bytes.buffer));
    const input = lenet.asInput(lenet.page.exampleDigits()[digit]);
    const outputs = { input, ...network.forward(input) };
    const place = document.getElementById("layers");
    if (!change) place.replaceChildren(document.createElement("div"));
    window.view = lenet.showLayers(place.firstChild, network, outputs);
    return Array.from(input.data);
}"""


@pytest.fixture(scope="module")
def page(browser):
    """A page with nothing but the layers."""
    yield from opened(browser)


@pytest.fixture
def phone(browser):
    yield from opened(browser, width=390, has_touch=True)


def opened(browser, width=1280, **options):
    page = browser.new_page(viewport={"width": width, "height": 900}, **options)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.set_content('<!DOCTYPE html><html lang="en"><meta name="viewport" '
                     'content="width=device-width"><div id="layers"></div>')  # fmt: skip
    for name in ("page", "layers"):
        page.add_style_tag(path=NETWORK / f"{name}.css")
    for name in SCRIPTS:
        page.add_script_tag(path=NETWORK / f"{name}.js")
    yield page
    assert not wrong
    page.close()


def show(page, model, digit=4, change=False):
    """Show a network in the page, or change what is shown; return its picture, (1, 1, 28, 28)."""
    page.mouse.move(0, 0)  # where it points at nothing
    weights = base64.b64encode(save(dict(model.state_dict()))).decode()
    return torch.tensor(page.evaluate(SHOW, [weights, digit, change])).reshape(1, 1, 28, 28)


def lenet5(**settings):
    torch.manual_seed(0)
    return LeNet5(**settings).eval()


def places(model, pixels):
    """Yield (stage, its torch output, some of its places) as the page counts them."""
    generator = np.random.default_rng(0)
    for stage, values in enumerate(stage_values(model, pixels)):
        shape = values.shape
        chosen = generator.integers(0, shape, (4, 3)).tolist() + [[n - 1 for n in shape]]
        names = "channel", "row", "column"
        yield stage, values, [{"stage": stage} | dict(zip(names, at, strict=True)) for at in chosen]


def stage_values(model, pixels):
    """Return the values of each stage, (channels, h, w), by torch: the digit to the softmax."""
    found = activations(model, pixels)
    scores = found.pop("fc3")
    values = [pixels]
    for name, one in found.items():
        values.append(one.relu())
        if name in ("conv1", "conv2"):
            values.append(F.max_pool2d(values[-1], 2))
    values += [scores, scores.softmax(1)]
    return [one[0].detach().reshape(one.shape[1], *(one.shape[2:] or (1, 1))) for one in values]


# Values, windows, receptive fields


@pytest.mark.parametrize("settings", [{}, {"kernels": (3, 8)}, {"conv3": True}])
def test_stages_hold_what_torch_computes(page, settings):
    model = lenet5(**settings)
    expected = stage_values(model, show(page, model))
    stages = page.evaluate("view.stages.map(({values}) => [values.shape, [...values.data]])")
    assert [tuple(shape) for shape, _ in stages] == [tuple(one.shape) for one in expected]
    for (_, found), one in zip(stages, expected, strict=True):
        np.testing.assert_allclose(found, one.flatten(), atol=1e-5)


def test_regions_are_where_gradients_are(page):
    model = lenet5()
    pixels = show(page, model)
    # With weights above 0 and averages in place of maxima every dependence has a gradient.
    linear = copy.deepcopy(model)
    for weight in linear.parameters():
        weight.data.abs_().add_(0.01)
    steps = [linear.conv1, nn.AvgPool2d(2), linear.conv2, nn.AvgPool2d(2), nn.Flatten(),
             linear.fc1, linear.fc2, linear.fc3]  # fmt: skip
    x = pixels.clone().requires_grad_()
    held = [x]
    for step in steps:
        x = step(x)
        x.retain_grad()
        held.append(x)
    del held[5]  # flattening is no stage
    for stage, _, chosen in list(places(model, pixels))[:8]:
        found = page.evaluate(
            "(all) => all.map((place) => lenet.stages.regionsOf(view.stages, place))", chosen
        )
        for place, regions in zip(chosen, found, strict=True):
            for one in held:
                one.grad = None
            at = [place["channel"], place["row"], place["column"]][: held[stage].ndim - 1]
            held[stage][(0, *at)].backward(retain_graph=True)
            for region, before in zip(regions, held, strict=False):
                gradient = before.grad[0].reshape(before.shape[1], *(before.shape[2:] or (1, 1)))
                assert torch.equal(mask(region, gradient.shape), gradient != 0)


def mask(region, shape):
    inside = torch.zeros(shape, dtype=torch.bool)
    maps = slice(None) if region["channel"] is None else region["channel"]
    rows, columns = (slice(region[a], region[b]) for a, b in (("top", "bottom"), ("left", "right")))
    inside[maps, rows, columns] = True
    return inside


# The regions of all places of one convolution, of 2 maps of 11 x 12 with kernels of 3 x 5.
REGIONS = """([stride, padding, height, width]) => {
    const layer = { kind: "conv2d", weight: lenet.zeros([1, 2, 3, 5]), stride, padding };
    const stages = [{ values: lenet.zeros([2, 11, 12]) },
                    { kind: "conv2d", layer, values: lenet.zeros([1, height, width]) }];
    return Array.from({ length: height * width }, (_, n) => {
        const place = { stage: 1, channel: 0, row: Math.floor(n / width), column: n % width };
        return lenet.stages.regionsOf(stages, place)[0];
    });
}"""


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_regions_with_stride_and_padding(page, stride, padding):
    x = torch.ones(1, 2, 11, 12, requires_grad=True)
    outputs = F.conv2d(x, torch.ones(1, 2, 3, 5), stride=stride, padding=padding)
    found = page.evaluate(REGIONS, [stride, padding, *outputs.shape[2:]])
    outputs = outputs.flatten()
    for region, output in zip(found, outputs, strict=True):
        (gradient,) = torch.autograd.grad(output, x, retain_graph=True)
        assert torch.equal(mask(region, (2, 11, 12)), gradient[0] != 0)


# One number taken apart


@pytest.mark.parametrize("settings", [{}, {"kernels": (3, 8), "conv3": True}])
def test_numbers_are_taken_apart_as_torch_puts_them_together(page, settings):
    model = lenet5(**settings)
    pixels = show(page, model)
    values = stage_values(model, pixels)
    layers = {1: model.conv1, 3: model.conv2,
              5: model.conv3 if settings else model.fc1, 6: model.fc2, 7: model.fc3}  # fmt: skip
    for stage, outputs, chosen in places(model, pixels):
        parts = page.evaluate(
            "(all) => all.map((place) => lenet.explain.explain(view.stages, place))", chosen
        )
        for place, found in zip(chosen, parts, strict=True):
            at = place["channel"], place["row"], place["column"]
            assert found["value"] == pytest.approx(outputs[at].item(), abs=1e-5)
            if stage in layers:
                check_products(found, layers[stage], values[stage - 1], at)
            elif stage in (2, 4):
                check_winner(found, values[stage - 1], at)


def check_products(found, layer, before, at):
    """Compare the products with those of torch, and their sum with the layer's output."""
    weight, bias = layer.weight[at[0]].detach(), layer.bias[at[0]].item()
    if found["kind"] == "conv2d":
        _, row, column = at
        rows, columns = weight.shape[1:]
        expected = weight * before[:, row : row + rows, column : column + columns]
        products = [[[cell["product"] for cell in line] for line in one["cells"]]
                    for one in found["windows"]]  # fmt: skip
        np.testing.assert_allclose(products, expected, atol=1e-5)
        sums = [one["sum"] for one in found["windows"]]
        np.testing.assert_allclose(sums, expected.sum((1, 2)), atol=1e-5)
    else:
        expected = (weight.flatten() * before.flatten()).numpy()
        places = [term["place"] for term in found["terms"]]
        where = np.array([[one["channel"], one["row"], one["column"]] for one in places])
        order = np.ravel_multi_index(where.T, before.shape).tolist()
        assert sorted(order) == list(range(len(expected)))
        products = np.array([term["product"] for term in found["terms"]])
        np.testing.assert_allclose(products, expected[order], atol=1e-5)
        assert (np.diff(np.abs(products)) <= 0).all()
    assert found["bias"] == pytest.approx(bias)
    assert found["sum"] == pytest.approx(expected.sum().item() + bias, abs=1e-4)


def check_winner(found, before, at):
    _, indices = F.max_pool2d(before, 2, return_indices=True)
    place = found["winner"]["place"]
    assert place["channel"] == at[0]
    assert place["row"] * before.shape[2] + place["column"] == indices[at].item()


def test_softmax_of_the_ten_scores(page):
    model = lenet5()
    scores = model(show(page, model))[0].detach()
    found = page.evaluate(
        "lenet.explain.explain(view.stages, { stage: 8, channel: 3, row: 0, column: 0 })"
    )
    shares = [term["share"] for term in found["terms"]]
    np.testing.assert_allclose(shares, scores.softmax(0), atol=1e-6)
    assert found["value"] == pytest.approx(shares[3])


def test_following_a_score_back_ends_in_the_digit(page):
    model = lenet5()
    show(page, model)
    way = page.evaluate("""() => {
        const way = [lenet.stages.largestPlace(view.stages, 8)];
        while (way.at(-1)) way.push(lenet.explain.strongestBefore(view.stages, way.at(-1)));
        return way.slice(0, -1).map((place, n) => {
            const region = n && lenet.stages.regionsOf(view.stages, way[n - 1])[place.stage];
            return [place.stage, !n || (region.channel ?? place.channel) === place.channel
                && place.row >= region.top && place.row < region.bottom
                && place.column >= region.left && place.column < region.right];
        });
    }""")
    assert way == [[stage, True] for stage in range(8, -1, -1)]


# What a reader does


def test_pointing_frames_the_receptive_field(page):
    show(page, lenet5())
    canvas = page.locator(".layers-network canvas")
    # Map 2 of the second convolution, row 3, column 5, each counted from 1: 4 pixels a number.
    canvas.nth(3).hover(position={"x": 1 + 36 + 4 * 4 + 2, "y": 1 + 2 * 4 + 2})
    words = page.locator(".layers-words")
    words.get_by_text("Convolution 2, map 2, row 3, column 5").wait_for()
    assert "rows 5 to 18 and columns 9 to 22 of the digit" in words.inner_text()
    picture = Image.open(io.BytesIO(canvas.nth(0).screenshot())).convert("RGB")
    orange = np.argwhere((np.asarray(picture) == (0xD5, 0x5E, 0)).all(2))
    assert np.abs(orange.min(0) - (1 + 4 * 4, 1 + 8 * 4)).max() <= 1
    assert np.abs(orange.max(0) - (1 + 18 * 4, 1 + 22 * 4)).max() <= 1
    page.mouse.move(0, 0)
    words.get_by_text("Convolution 1").wait_for()


def test_lines_join_a_number_to_its_windows(page):
    show(page, lenet5())
    canvas = page.locator(".layers-network canvas")
    lines = """() => [...document.querySelectorAll(".layers-lines line")].map((line) => {
        const { left, top } = line.parentNode.getBoundingClientRect();
        return ["x1", "y1", "x2", "y2"].map((name, n) =>
            Number(line.getAttribute(name)) + (n % 2 ? top : left));
    })"""
    # Map 2 of the second convolution, row 3, column 5, from 1: windows in all 6 maps before it.
    canvas.nth(3).hover(position={"x": 1 + 36 + 4 * 4 + 2, "y": 1 + 2 * 4 + 2})
    page.locator(".layers-words").get_by_text("Convolution 2, map 2, row 3, column 5").wait_for()
    found = np.array(page.evaluate(lines))
    assert found.shape == (12, 4)
    before, own = (canvas.nth(n).bounding_box() for n in (2, 3))
    number = own["x"] + 1 + 36 + 16, own["y"] + 1 + 8
    assert (np.abs(found[:, 2:] - number - 2) == 2).all()  # its corners
    windows = [(before["x"] + 1 + (n % 3) * 52 + 16, before["y"] + 1 + n // 3 * 52 + 8)
               for n in range(6)]  # fmt: skip
    assert (np.abs(found[:, :2] - np.repeat(windows, 2, 0) - 10) == 10).all()
    page.mouse.move(0, 0)
    page.evaluate("view.go({ stage: 0, channel: 0, row: 3, column: 5 }, 0)")
    assert page.evaluate(lines) == []  # a pixel has no window


def test_the_way_back_to_the_ink_and_forth_again(page):
    show(page, lenet5())
    page.evaluate("view.go(view.exampleOf(8), 2)")
    follow = page.get_by_role("button", name="Where does most of it come from?")
    way, place = page.locator(".layers-way"), follow.bounding_box()
    assert not way.is_visible()
    follow.focus()
    for _ in range(9):  # once more than there are steps
        page.keyboard.press("Enter")
        assert follow.bounding_box() == place
    assert follow.evaluate("(button) => button === document.activeElement")
    assert follow.get_attribute("aria-disabled") == "true"
    assert page.evaluate("view.place.stage") == 0
    steps = way.get_by_role("button")
    assert steps.count() == 9
    assert steps.nth(0).inner_text().startswith("Probabilities, digit ")
    assert steps.nth(4).inner_text().startswith("Pooling 2, map ")
    assert way.locator("[aria-current]").inner_text().startswith("The digit: ")
    page.keyboard.press("Escape")
    assert page.evaluate("view.place.stage") == 1
    steps.nth(4).click()  # the second pooling; the steps behind it are gone
    assert page.evaluate("view.place.stage") == 4
    assert steps.count() == 5
    assert steps.nth(4).evaluate("(button) => button === document.activeElement")
    for _ in range(4):
        page.keyboard.press("Escape")
    assert page.evaluate("[view.place.stage, view.level]") == [8, 2]
    page.keyboard.press("Escape")
    assert page.evaluate("[view.place.stage, view.level]") == [8, 1]


def test_the_scale_does_not_follow_the_drawing(page):
    model = lenet5()
    pixels = torch.cat([show(page, model, digit) for digit in range(10)])
    scores = model(pixels).detach()
    expected = [min(0, scores.min().item()), max(0, scores.max().item())]
    for digit in (1, 8):
        show(page, model, digit, change=True)
        limits = page.evaluate("view.stages[7].limits")
        assert [min(0, limits[0]), max(0, limits[1])] == pytest.approx(expected, abs=1e-5)
        assert page.evaluate("view.stages[8].limits[1]") <= 1


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (1.234, "1.23"), (-0.0063, "−0.0063"), (0.05, "0.050"), (-0.00001, "0.0000"),
     (-12, "−12.00"), (0.996, "1.00"), (0.00035, "0.0003")],
)  # fmt: skip
def test_numbers_keep_figures_where_rounding_would_hide_them(page, value, written):
    assert page.evaluate("(value) => lenet.explain.number(value)", value) == written


def test_the_sentence_stays_in_sight(phone):
    show(phone, lenet5())
    phone.locator(".layers-network canvas").nth(8).scroll_into_view_if_needed()
    box = phone.locator(".layers-words").bounding_box()
    assert box["y"] >= 0


def test_by_keyboard_from_the_network_to_a_number_and_back(page):
    model = lenet5()
    pixels = show(page, model)
    words, pressed = page.locator(".layers-words"), page.locator("[aria-pressed=true]")
    page.locator("body").click(position={"x": 1, "y": 1})
    for _ in range(4):  # three levels, then the layers
        page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.get_attribute("aria-label").startswith("Convolution 1: 6 maps, 24 × 24")
    page.keyboard.press("ArrowRight")
    assert focused.get_attribute("aria-label").startswith("Pooling 1: 6 maps, 12 × 12")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert pressed.inner_text() == "One layer"
    start = page.evaluate("view.place")
    for key in ("ArrowUp", "ArrowLeft", "PageDown", "Enter"):
        page.keyboard.press(key)
    place = page.evaluate("view.place")
    assert place == {"stage": 1, "channel": (start["channel"] + 1) % 6,
                     "row": start["row"] - 1, "column": start["column"] - 1}  # fmt: skip
    cells = page.locator(".layers-products td").all_inner_texts()
    top, left = place["row"], place["column"]
    window = pixels[0, 0, top : top + 5, left : left + 5].flatten().tolist()
    weights = model.conv1.weight[place["channel"]].flatten().tolist()
    written = [[float(part.strip("×= ").replace("−", "-")) for part in cell.split("\n")]
               for cell in cells]  # fmt: skip
    expected = [[x, w, x * w] for x, w in zip(window, weights, strict=True)]
    np.testing.assert_allclose(written, expected, atol=0.00501)
    said = page.locator("[aria-live=polite]").inner_text()
    assert said.strip() == words.inner_text()
    assert said.startswith(f"Convolution 1, map {place['channel'] + 1}, row {top + 1}")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert pressed.inner_text() == "Network"
    assert focused.get_attribute("aria-label").startswith("Convolution 1: 6 maps")


def test_choosing_a_map_keeps_the_focus(page):
    show(page, lenet5())
    page.evaluate("view.go({ stage: 3, channel: 4, row: 3, column: 4 }, 2)")
    button = page.get_by_role("button", name="map 2:", exact=False)
    button.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    caption = page.locator(".layers-products caption").inner_text()
    assert caption.startswith("The window of map 2")


def test_a_tap_goes_nearer_and_a_finger_chooses(phone):
    page = phone
    show(page, lenet5())
    page.locator(".layers-network canvas").nth(1).tap(position={"x": 50, "y": 50})
    assert page.locator("[aria-pressed=true]").inner_text() == "One layer"
    assert page.evaluate("view.place") == {"stage": 1, "channel": 0, "row": 12, "column": 12}
    box = page.locator(".layers-map").bounding_box()
    at = {"x": box["x"] + 1 + 12 * 3.5, "y": box["y"] + 1 + 12 * 5.5}
    send = page.context.new_cdp_session(page).send
    send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
    end = at | {"x": at["x"] + 12 * 10}
    send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [end]})
    send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.locator("[aria-pressed=true]").inner_text() == "One layer"
    assert page.evaluate("view.place") == {"stage": 1, "channel": 0, "row": 5, "column": 13}


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_page(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    show(page, lenet5())
    wide = """(level) => view.stages.map((_, stage) => {
        view.go(view.exampleOf(stage), level);
        return document.documentElement.scrollWidth;
    })"""
    for level in range(3):
        assert max(page.evaluate(wide, level)) <= width


def test_another_picture_and_another_network(page):
    show(page, lenet5(), digit=4)
    page.evaluate("view.go({ stage: 3, channel: 15, row: 0, column: 0 }, 2)")
    before = page.locator(".layers-words").inner_text()
    small = lenet5(kernels=(3, 8))
    pixels = show(page, small, digit=7, change=True)  # it has no map 16
    assert page.locator(".layers-words").inner_text() != before
    page.evaluate("view.go(view.exampleOf(7), 0)")
    words = page.locator(".layers-words").inner_text()
    assert words.startswith(f"Scores, digit {small(pixels).argmax().item()}:")


def test_without_a_picture_it_says_so(page):
    show(page, lenet5())
    page.evaluate("view.go({ stage: 3, channel: 4, row: 3, column: 4 }, 1)")
    page.evaluate("view.update(null)")
    assert page.locator(".layers-words").inner_text().startswith("Draw something")
    assert page.locator(".layers canvas:visible, .layers button:visible").count() == 3  # the legend
    show(page, lenet5(), change=True)
    assert page.locator(".layers canvas:visible").count() > 3
    assert page.locator("[aria-pressed=true]").inner_text() == "One layer"


def test_what_was_hidden_is_drawn_when_it_is_seen(page):
    show(page, lenet5())
    page.evaluate("document.getElementById('layers').hidden = true")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    small = lenet5(kernels=(3, 8))
    show(page, small, change=True)
    page.evaluate("document.getElementById('layers').hidden = false")
    page.locator(".layers-network").get_by_text("3 maps, 24 × 24").wait_for()
    page.locator(".layers-words").get_by_text("Convolution 1, map").wait_for()
    box = page.locator(".layers-network canvas").nth(1).bounding_box()
    assert box["width"] == 198  # two maps in a row
