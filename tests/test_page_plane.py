"""Walk the plane: the page decodes what torch decodes, and does what mouse, finger and keys say."""

import io
import re
from pathlib import Path

import export_web
import numpy as np
import pytest
import torch
import train_page_networks
from PIL import Image
from scipy.spatial import geometric_slerp
from scipy.stats import kstest
from web import decoders

import lenetcourse as lc
from lenetcourse.data.datasets import DatasetError
from lenetcourse.models.vae import decoded
from lenetcourse.train.rejection import margin

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "tests" / "plane_page.html"
NAMES = ("vae", "autoencoder")
PANELS = dict(zip(NAMES, (0, 1), strict=True))
# Codes -> images and what the reader says, as the page has them.
READ = """([name, codes]) => {
    const panel = { decoder: lenet.loadDecoder(name), reader: lenet.loadModel("reader") };
    return codes.map((code) => {
        const { image, digit, accepted } = lenet.plane.read(panel, code);
        return { image: [...image.data], digit, accepted };
    });
}"""


@pytest.fixture(scope="module")
def open_page(browser):
    """Return what opens the page with the options of a browser's context."""
    contexts, wrong = [], []

    def open_it(refused="", **options):
        contexts.append(browser.new_context(viewport={"width": 800, "height": 900}, **options))
        page = contexts[-1].new_page()
        if refused:
            page.route(f"**/{refused}", lambda route: route.abort())
        else:
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda message: wrong.append(message.text))
            page.on("request", lambda r: r.url.startswith("file:") or wrong.append(r.url))
        page.goto(PAGE.as_uri())
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def page(open_page):
    """Return a page that all tests share whose reader wants no motion."""
    return open_page(reduced_motion="reduce")


@pytest.fixture(scope="module")
def networks():
    """Return the networks as the page has them, with their facts: name -> (model, facts)."""
    found = {}
    for name in NAMES:
        model, facts = lc.load_model(ROOT / export_web.OTHERS / f"{name}.safetensors")
        found[name] = decoders.as_in_the_page(model), facts
    return found


def read(model, codes):
    """Return images (n, 784), the reader's digits, and whether it accepts them, by torch."""
    images = decoded(model, codes)[:, 0]
    reader, facts = lc.load_model("reader")
    probabilities = lc.predict_probabilities(reader, (255 * images).round().to(torch.uint8))
    accepted = margin(probabilities) >= facts["unsure_below"]
    return images.flatten(1), probabilities.argmax(1), accepted


def codes_of(facts):
    """Return the digits (n) and the means (n, 2) of the codes that come with a network."""
    rows = facts["codes"]
    return torch.tensor([row[0] for row in rows]), torch.tensor([row[1:3] for row in rows])


# Weights and arithmetic


def test_both_decoders_are_among_the_scripts_that_are_checked():
    scripts = export_web.products(ROOT)  # that they are up to date, tests/test_network_page.py says
    for name in NAMES:
        text = scripts[ROOT / export_web.FOLDER / f"{name}.js"]
        assert len(text) <= export_web.LARGEST_DECODER


def test_weights_are_quantised_as_torch_does_it():
    weight = torch.randn(30, 50, generator=torch.Generator().manual_seed(0))
    weight[3] = 0  # a pixel without weights
    steps, levels = decoders.quantised(weight)
    zero = torch.zeros(30, dtype=torch.int32)
    expected = torch.fake_quantize_per_channel_affine(weight, steps.float(), zero, 0, -127, 127)
    torch.testing.assert_close(levels * steps.float()[:, None], expected)
    assert (levels.abs().amax(1) == 127).sum() == 29


@pytest.mark.parametrize("name", NAMES)
def test_decoder_agrees_with_torch(page, networks, name):
    model, facts = networks[name]
    codes = codes_of(facts)[1][:40]
    images, digits, accepted = read(model, codes)
    found = page.evaluate(READ, [name, codes.tolist()])
    torch.testing.assert_close(
        torch.tensor([one["image"] for one in found]), images, rtol=0, atol=1e-5
    )
    assert [one["digit"] for one in found] == digits.tolist()
    assert [one["accepted"] for one in found] == accepted.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_codes_are_those_of_the_test_images(networks, name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENETCOURSE_OFFLINE", "1")
        try:
            few = lc.load_dataset("mnist", "test").first(250)
        except DatasetError:
            pytest.skip("MNIST is not on this machine")
    facts = networks[name][1]
    with torch.no_grad():
        mu, _ = lc.load_model(ROOT / export_web.OTHERS / f"{name}.safetensors")[0].encode(
            lc.as_inputs(few.images)
        )
    digits, means = codes_of(facts)
    assert torch.equal(digits, few.labels.to(digits.dtype))
    torch.testing.assert_close(means, mu, rtol=0, atol=6e-4)
    with Image.open(ROOT / train_page_networks.SHEET) as picture:
        drawn = np.asarray(picture)
    np.testing.assert_array_equal(drawn, train_page_networks.sheet(few.images).numpy())


def test_paths(page):
    """The round one is SciPy's on the unit circle; elsewhere the lengths change evenly."""
    run = """([way, pairs, shares]) =>
        pairs.map(([start, end]) => shares.map((share) => lenet[way](start, end, share)))"""
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, (20, 2))
    ends = np.stack([np.cos(angles), np.sin(angles)], 2)  # (20, 2, 2): pairs of points
    shares = np.linspace(0, 1, 5)
    found = page.evaluate(run, ["roundWay", ends.tolist(), shares.tolist()])
    expected = [geometric_slerp(start, end, shares) for start, end in ends]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    found = np.array(page.evaluate(run, ["roundWay", [[[2, 0], [0, 6]]], [0.5]]))
    np.testing.assert_allclose(found[0, 0], [8**0.5, 8**0.5])
    found = page.evaluate(run, ["straightWay", [[[2, 0], [0, 6]]], [0, 0.25, 1]])
    np.testing.assert_allclose(found, [[[2, 0], [1.5, 1.5], [0, 6]]])


def test_random_codes_are_normal(page):
    uniform = np.random.default_rng(0).random(4000)
    codes = page.evaluate(
        """(uniform) => {
            let next = 0;
            const random = () => uniform[next++];
            return Array.from({ length: uniform.length / 2 }, () => lenet.normalCode(random));
        }""",
        uniform.tolist(),
    )
    codes = np.array(codes)
    assert kstest(codes[:, 0], "norm").pvalue > 0.01
    assert kstest(codes[:, 1], "norm").pvalue > 0.01
    assert kstest(np.square(codes).sum(1), "chi2", (2,)).pvalue > 0.01


def test_what_the_page_says_of_these_networks_is_so(networks):
    torch.manual_seed(0)
    random_codes, shares = torch.randn(3000, 2), {}
    for name, (model, facts) in networks.items():
        labels, means = codes_of(facts)
        _, digits, accepted = read(model, means)
        right = (digits == labels) & accepted
        never = {digit for digit in range(10) if not right[labels == digit].any()}
        assert never == {4, 5}
        if name == "vae":
            assert torch.bincount(labels)[[4, 5]].tolist() == [33, 25]
            assert (digits[labels == 4] == 9).sum() == 30
            assert (digits[labels == 5] == 3).sum() == 17
            _, digits, accepted = read(model, torch.tensor([[-1.6, -1.6], [3.5, 0.0]]))
            assert (digits.tolist(), accepted.tolist()) == ([5, 4], [True, True])
        _, digits, accepted = read(model, random_codes)
        counts = torch.bincount(digits[accepted], minlength=10)
        shares[name] = counts.max() / counts.sum(), accepted.float().mean(), counts.argmax()
    assert shares["autoencoder"][0] > 0.5
    assert shares["autoencoder"][2] == 3
    assert shares["vae"][0] < 0.25
    assert 0.03 < shares["vae"][1] - shares["autoencoder"][1] < 0.07
    assert all(0.55 < share < 0.66 for _, share, _ in shares.values())


def test_networks_are_trained_again_by_one_command(tmp_path, capsys):
    assert train_page_networks.main(["--dataset", "digits", "--epochs", "1"], tmp_path) == 0
    assert (tmp_path / train_page_networks.FIGURE).stat().st_size > 10_000
    with Image.open(tmp_path / train_page_networks.SHEET) as picture:
        assert picture.size == (25 * 28, 10 * 28)
    for name in NAMES:
        path = tmp_path / train_page_networks.FOLDER / f"{name}.safetensors"
        model, facts = lc.load_model(path)
        assert facts["recipe"]["epochs"] == 1
        assert len(facts["codes"]) == 250
        assert {len(row) for row in facts["codes"]} == {5 if name == "vae" else 3}
        assert all(torch.equal(value, value.half().float()) for value in model.parameters())
        assert '"int8": "' in export_web.script(name, path)
    assert train_page_networks.main(["--dataset", "nothing"], tmp_path) == 2
    assert "nothing" in capsys.readouterr().err


def test_page_of_the_book_loads_what_is_tested():
    pages = (ROOT / "book" / "plane.md", PAGE)
    page, tested = (
        re.findall(r"_static/(network/\S+?)\"", one.read_text("utf-8")) for one in pages
    )
    assert page == tested
    assert all((ROOT / "book" / "_static" / name).is_file() for name in page)


# The page in use


def point(page, name):
    """Return the code at the ring of a network's plane, as a screen reader is told."""
    text = ring(page, name).get_attribute("aria-valuetext").replace("−", "-")
    return tuple(float(number) for number in re.match(r"\((.+?), (.+?)\)", text).groups())


def ring(page, name):
    return page.get_by_role("slider").nth(PANELS[name])


def frame(page):
    """Wait until what was asked for is drawn."""
    page.evaluate(
        "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
    )


def place(page, name, code):
    """Return where a code of the variational network's plane lies in the window."""
    box = page.locator(".plane").nth(PANELS[name]).bounding_box()
    found = page.evaluate("(name) => lenet.plane.frameOf(lenet.loadDecoder(name).codes)", name)
    x, y = ((value - low) / found["span"] for value, low in zip(code, found["low"], strict=True))
    edge = 38 / 340
    return (
        box["x"] + 1 + (edge + x * (1 - edge)) * (box["width"] - 2),
        box["y"] + 1 + (1 - y) * (1 - edge) * (box["height"] - 2),
    )


def test_fallback_makes_room(page, open_page):
    assert page.locator(".network-fallback").count() == 0
    assert page.locator(".plane svg").count() == 2
    without = open_page(refused="weights/vae.js")
    assert without.locator(".network-fallback").count() == 1
    assert without.locator(".plane").count() == 0


def test_mouse_drags_the_point(page, networks):
    page.mouse.move(*place(page, "vae", (1, 1)))
    page.mouse.down()
    page.mouse.move(*place(page, "vae", (-1.5, 2)), steps=4)
    page.mouse.up()
    page.mouse.move(*place(page, "vae", (0, 0)))  # no longer held
    frame(page)
    code = point(page, "vae")
    assert code == pytest.approx((-1.5, 2), abs=0.03)
    shown = page.evaluate(
        """() => {
            const canvas = document.querySelector(".plane-answer canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, 28, 28);
            return [...data].filter((_, k) => k % 4 === 0);
        }"""
    )
    image = read(networks["vae"][0], torch.tensor([code]))[0][0]
    # The point is known to two digits after the point.
    assert (torch.tensor(shown) - 255 * (1 - image)).abs().max() < 6
    assert point(page, "autoencoder") != code


def test_keys_move_the_point(page, networks):
    ring(page, "vae").focus()
    top = page.evaluate("() => scrollY")
    span = page.evaluate("() => lenet.plane.frameOf(lenet.loadDecoder('vae').codes).span")
    keys = {"Home": (0, 0), "ArrowRight": (1, 0), "ArrowUp": (1, 1), "Shift+ArrowLeft": (-4, 1)}
    for key, steps in keys.items():
        page.keyboard.press(key)
        frame(page)
        assert point(page, "vae") == pytest.approx([n * span / 60 for n in steps], abs=0.006), key
    for _ in range(15):
        page.keyboard.press("Shift+ArrowDown")
    frame(page)
    assert point(page, "vae")[1] == pytest.approx(-span / 2, abs=0.2)  # the edge of the plane
    for which in (0, 1):
        page.keyboard.press("7")
        frame(page)
        for name in NAMES:  # the same test image
            expected = means_of(networks, name, 7, which)
            assert point(page, name) == pytest.approx(expected, abs=0.006)
    assert page.evaluate("() => scrollY") == top


def test_buttons_go_to_test_images(page, networks):
    button = page.get_by_role("button", name="5: go to the next test image")
    digits = codes_of(networks["vae"][1])[0]
    fives = torch.nonzero(digits == 5).flatten().tolist()
    for which in (0, 1):
        button.click()
        frame(page)
        for name in NAMES:
            expected = means_of(networks, name, 5, which)
            assert point(page, name) == pytest.approx(expected, abs=0.006)
        picture = page.locator(".plane-shown .plane-image")
        words = f"Test image {fives[which] + 1}, a 5"
        assert picture.get_attribute("aria-label") == words
        assert page.locator(".plane-shown").inner_text() == words
        assert page.get_by_role("status").inner_text().startswith(f"{words}. Variational auto")
    with Image.open(ROOT / train_page_networks.SHEET) as sheet:
        all_images = np.asarray(sheet, float).reshape(10, 28, 25, 28).transpose(0, 2, 1, 3)
    with Image.open(io.BytesIO(picture.screenshot())) as shown:
        found = np.asarray(shown.convert("L").crop((1, 1, 29, 29)), float)
    # It may stand between two rows of the window's pixels: which image is it most like?
    distances = np.abs(all_images.reshape(250, 28, 28) - found).mean((1, 2))
    assert distances.argmin() == fives[1]
    ring(page, "vae").press("Home")  # no longer at the code of that image
    assert page.locator(".plane-image").count() == 2  # those of the path


def test_finger_drags_the_ring_and_scrolls_elsewhere(open_page):
    page = open_page(has_touch=True)
    page.set_viewport_size({"width": 390, "height": 500})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    page.touchscreen.tap(*place(page, "vae", (0.5, 1)))
    frame(page)
    assert point(page, "vae") == pytest.approx((0.5, 1), abs=0.05)
    finger = page.context.new_cdp_session(page)

    def drag(start, end):
        for share in np.linspace(0, 1, 6):
            x, y = np.add(start, share * np.subtract(end, start)).tolist()
            kind = "touchMove" if share else "touchStart"
            points = [{"x": x, "y": y}]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        frame(page)

    top = page.evaluate("() => scrollY")
    drag(place(page, "vae", (0.5, 1)), place(page, "vae", (-2, 1.5)))
    assert point(page, "vae") == pytest.approx((-2, 1.5), abs=0.05)
    assert page.evaluate("() => scrollY") == top
    drag(place(page, "vae", (2, 1)), place(page, "vae", (2, 2.8)))
    assert point(page, "vae") == pytest.approx((-2, 1.5), abs=0.05)


def results(page, name):
    return page.locator(".plane-results section").nth(PANELS[name])


def tiles(page, name, strip):
    return results(page, name).locator(f".plane-{strip} button")


def clear(page):
    page.get_by_role("button", name="Clear path and random codes").click()


def test_path_goes_from_digit_to_digit(page, networks):
    page.get_by_label("Path to").select_option("6")
    page.get_by_label("Way of the path").select_option("round")
    for name, (_, facts) in networks.items():
        found = tiles(page, name, "path")
        assert found.count() == 9
        digits, means = codes_of(facts)
        for which, digit in ((0, 1), (8, 6)):
            found.nth(which).click()
            frame(page)
            expected = means[digits == digit][0].tolist()
            assert point(page, name) == pytest.approx(expected, abs=0.006)
    page.get_by_role("button", name="Walk").click()  # without motion: to its end
    frame(page)
    assert point(page, "vae") == pytest.approx(means_of(networks, "vae", 6), abs=0.006)
    clear(page)
    assert page.locator(".plane polyline").count() == 0
    assert page.locator(".plane-path button").count() == 0


def means_of(networks, name, digit, which=0):
    digits, means = codes_of(networks[name][1])
    return means[digits == digit][which].tolist()


def test_path_says_what_nine_images_do_not_show(page, networks):
    page.get_by_label("Path from").select_option("7")
    page.get_by_label("Path to").select_option("9")
    page.get_by_label("Way of the path").select_option("straight")
    for name, (model, _) in networks.items():
        start, end = (torch.tensor(means_of(networks, name, digit)) for digit in (7, 9))
        codes = start + torch.linspace(0, 1, 49)[:, None] * (end - start)
        images, digits, accepted = read(model, codes)
        said = [str(int(d)) if a else "refused" for d, a in zip(digits, accepted, strict=True)]
        said = [one for one, before in zip(said, [None, *said], strict=False) if one != before]
        changes = (images[6::6] - images[:-6:6]).abs().sum(1).round().long().tolist()
        text = results(page, name).inner_text()
        assert f"49 places along the path: {', '.join(said)}. The 9 at the end is refused." in text
        assert f"from image to image: {', '.join(map(str, changes))}." in text
        if name == "autoencoder":
            assert changes[-1] > 40 > 3 * changes[0]
            assert "3" in said  # between two of the nine
            assert "3" not in tiles(page, name, "path").all_inner_texts()
        else:
            assert max(changes) < 16


def test_ends_of_a_path_can_be_chosen(page, networks):
    for name, digit in (("to", "0"), ("from", "9"), ("to", "9")):
        page.get_by_label(f"Path {name}").select_option(digit)
    another = page.get_by_role("button", name="another 9")
    for which in (0, 2, 3):  # never the other end
        shown = another.first.locator(".plane-image").get_attribute("aria-label")
        number = int((codes_of(networks["vae"][1])[0] == 9).nonzero()[which]) + 1
        assert shown == f"Test image {number}, a 9"
        another.first.click()
    tiles(page, "vae", "path").first.click()
    frame(page)
    assert point(page, "vae") == pytest.approx(means_of(networks, "vae", 9, 4), abs=0.006)
    page.get_by_label("Path from").select_option("1")
    page.get_by_label("Path to").select_option("0")
    clear(page)


def test_walk_goes_bit_by_bit_until_the_reader_moves_the_point(page):
    page.emulate_media(reduced_motion="no-preference")

    def drag():
        page.mouse.move(*place(page, "vae", (1, 1)))
        page.mouse.down()
        page.mouse.move(*place(page, "vae", (1, -1)))
        page.mouse.up()

    moves = [
        lambda: tiles(page, "autoencoder", "path").nth(2).click(),
        lambda: ring(page, "vae").press("Home"),
        lambda: page.get_by_role("button", name="3: go to").click(),
        lambda: page.mouse.click(*place(page, "vae", (2, 2))),
        drag,
        lambda: page.get_by_role("button", name="Stop").click(),
    ]
    for move in moves:
        page.get_by_role("button", name="Walk").click()
        seen = set()
        for _ in range(3):
            frame(page)
            seen.add(point(page, "vae"))
        assert len(seen) > 1
        move()
        frame(page)
        there = [point(page, name) for name in NAMES]
        page.wait_for_timeout(60)
        assert [point(page, name) for name in NAMES] == there
        assert page.get_by_role("button", name="Stop").count() == 0
    clear(page)
    page.emulate_media(reduced_motion="reduce")


def test_random_codes_fall_into_both_planes(page):
    clear(page)
    page.get_by_role("button", name="Draw 10 random codes").click()
    page.get_by_text("10 drawn").nth(1).wait_for()
    codes = []
    for name in NAMES:
        found = tiles(page, name, "drawn")
        shown = found.all_inner_texts()
        assert len(shown) == 9  # the last of them
        line = results(page, name).get_by_text("10 drawn").inner_text()
        accepted = sum("–" not in text for text in shown)
        assert re.search(f"10 drawn, ({accepted}|{accepted + 1}) accepted", line)
        labels = found.evaluate_all("all => all.map((one) => one.ariaLabel)")
        codes.append([label.split(":")[0] for label in labels])
        count, low, high = map(
            int, re.search(r"(\d+) accepted: .*interval (\d+) to (\d+) %", line).groups()
        )
        expected = [100 * end for end in lc.confidence_interval(count / 10, 10)]
        assert [low, high] == pytest.approx(expected, abs=0.51)
        dots = page.locator(".plane").nth(PANELS[name]).locator(".plane-dot")
        assert dots.count() == 10
        assert dots.and_(page.locator(".plane-hollow")).count() == 10 - count
    assert codes[0] == codes[1]  # the same codes for both
    assert page.get_by_role("status").inner_text().count("10 drawn") == 2
    clear(page)
    assert page.locator(".plane-dot, .plane-drawn button").count() == 0


def test_only_the_latest_dots_stay(page):
    count = page.evaluate(
        """() => {
            const told = { moved: () => {}, taken: () => {}, asked: () => {} };
            const plane = lenet.plane.makePlane("one", [{ digit: 0, mean: [0, 0] }], told);
            for (let k = 0; k < 250; k++) lenet.plane.dropDot(plane, { code: [0, 0] });
            return plane.parts.drawn.childElementCount;
        }"""
    )
    assert count == 200
    assert "the last 200" in page.locator("#plane-hint").inner_text()


def test_numbers_do_not_mislead(page):
    limit = lc.load_model("reader")[1]["unsure_below"]
    cut = page.evaluate("(all) => all.map(lenet.plane.cut)", [limit, limit - 1e-3, 0.7699])
    assert cut == ["0.76", "0.75", "0.76"]  # what is refused does not look like the limit
    assert "below a margin of 0.76" in page.locator("#plane-hint").inner_text()
    assert page.evaluate("() => lenet.plane.written([-0.001, -2])") == "(0.00, −2.00)"


def test_both_networks_are_in_sight_on_a_phone(open_page):
    page = open_page(reduced_motion="reduce")
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 700})
        first, second = (page.locator(".plane").nth(which).bounding_box() for which in (0, 1))
        assert first["y"] == second["y"]
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Walk").click()
    stage = page.locator(".plane-stage").bounding_box()
    assert stage["y"] >= 0
    assert stage["y"] + stage["height"] <= 700
    page.get_by_role("button", name="Larger planes").click()
    assert page.locator(".plane").first.bounding_box()["width"] > 1.8 * first["width"]
    page.locator(".plane").nth(1).evaluate("one => one.scrollIntoView({ block: 'end' })")
    assert page.locator(".plane-answers").bounding_box()["y"] >= 0
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    page.context.close()


def test_plane_shows_what_each_place_decodes_to(page, networks):
    page.get_by_label("The planes show").select_option("tiles")
    size = page.locator(".plane-tiles").first.evaluate("one => [one.width, one.height]")
    assert size == [13 * 28, 13 * 28]
    found = page.evaluate(
        """() => {
            const { low, span } = lenet.plane.frameOf(lenet.loadDecoder("vae").codes);
            const pen = document.querySelector(".plane-tiles").getContext("2d");
            const { data } = pen.getImageData(28, 0, 28, 28);
            return { code: [low[0] + 1.5 * span / 13, low[1] + 12.5 * span / 13],
                     ink: [...data].filter((_, k) => k % 4 === 0) };
        }"""  # the second tile of the first row
    )
    image = read(networks["vae"][0], torch.tensor([found["code"]]))[0][0]
    assert (torch.tensor(found["ink"]) - 255 * (1 - image)).abs().max() <= 1
