"""The page "Watch it learn": autograd, random numbers and training beside oracles; and in use."""

import inspect
import re
from pathlib import Path

import export_training_digits
import numpy as np
import pytest
import torch
from test_autograd import random_graph
from torch.nn import functional as F

from lenetcourse import load_dataset
from lenetcourse.train.autograd import Node, add, backward, cross_entropy, matmul, relu

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "book" / "learn.md"
# What a graph of `random_graph` is in the page: nodes in order, each an operation on earlier ones.
GRAPH = """({ nodes, labels }) => {
    const { autograd } = lenet, made = [];
    for (const { shape, data, name, from } of nodes) {
        made.push(name ? autograd[name](...from.map((k) => made[k]))
            : new autograd.Node(autograd.array(shape, data)));
    }
    const loss = autograd.crossEntropy(made.at(-1), labels);
    autograd.backward(loss);
    return [loss.value.data[0], ...made.map(({ gradient }) => [...gradient.data])];
}"""


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """A bare page with the scripts and the place of book/learn.md, without a network."""
    body = "\n".join(re.findall(r"^<.*>$", SOURCE.read_text("utf-8"), re.MULTILINE))
    body = body.replace("../_static", (ROOT / "book" / "_static").as_uri())
    bare = tmp_path_factory.mktemp("page") / "learn.html"
    bare.write_text(f'<!DOCTYPE html><html lang="en"><meta charset="utf-8">{body}</html>', "utf-8")
    wrong = []
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda request: request.url.startswith("http") and wrong.append(request.url))
    page.goto(bare.as_uri())
    yield page
    page.close()
    assert not wrong


@pytest.fixture(scope="module")
def library_digits():
    """The digits of the page from the library: part -> images (n, 28, 28) and labels."""
    train, validation = load_dataset("digits", "train"), load_dataset("digits", "validation")
    return {
        "train": (train.images[:200].numpy() / 255, train.labels[:200].numpy()),
        "held": (validation.images.numpy() / 255, validation.labels.numpy()),
    }


# Beside torch, NumPy and the library


def as_data(loss):
    """Return the nodes below a loss in order, each as data and with what its parents are."""
    order = []

    def visit(node):
        if not any(node is seen for seen in order):
            for parent in node.parents:
                visit(parent)
            order.append(node)

    (scores,) = loss.parents
    visit(scores)
    places = {id(node): place for place, node in enumerate(order)}
    return order, [
        {
            "shape": node.value.shape,
            "data": node.value.ravel().tolist(),
            "name": node.pass_back and node.pass_back.__qualname__.split(".")[0],
            "from": [places[id(parent)] for parent in node.parents],
        }
        for node in order
    ]


def test_gradients_of_random_graphs_are_those_of_torch_and_of_the_library(page):
    names = set()
    for seed in range(25):
        leaves, ours, theirs = random_graph(np.random.default_rng(seed))
        order, nodes = as_data(ours)
        labels = inspect.getclosurevars(ours.pass_back).nonlocals["labels"].tolist()
        loss, *gradients = page.evaluate(GRAPH, {"nodes": nodes, "labels": labels})
        backward(ours)
        theirs.backward()
        assert loss == pytest.approx(theirs.item(), rel=1e-9)
        for node, gradient in zip(order, gradients, strict=True):
            np.testing.assert_allclose(gradient, node.gradient.ravel(), rtol=1e-9, atol=1e-11)
        found = {id(node): gradient for node, gradient in zip(order, gradients, strict=True)}
        for node, tensor in leaves:
            if id(node) in found:
                np.testing.assert_allclose(
                    found[id(node)], tensor.grad.ravel(), rtol=1e-8, atol=1e-10
                )
        names |= {node["name"] for node in nodes}
    assert names == {None, "add", "multiply", "matmul", "relu"}


@pytest.mark.parametrize("seed", [0, 1998, 2**32 - 1])
def test_random_numbers_are_those_of_numpy(page, seed):
    call = """(seed) => {
        const random = new lenet.RandomState(seed);
        const draw = (length, one) => Array.from({ length }, one);
        return [draw(700, () => random.uniform()), draw(701, () => random.normal()),
            random.permutation(200), random.permutation(1), draw(3, () => random.normal())];
    }"""
    numpy = np.random.RandomState(seed)
    draws = [numpy.uniform(size=700), numpy.normal(size=701), numpy.permutation(200)]
    draws += [numpy.permutation(1), numpy.normal(size=3)]
    for found, drawn in zip(page.evaluate(call, seed), draws, strict=True):
        np.testing.assert_allclose(found, drawn, rtol=1e-13)


def test_digits_are_those_of_the_library(page, library_digits):
    assert export_training_digits.main(["--check"]) == 0
    call = """(part) => {
        const { pixels, labels } = lenet.training.digitsOf(part);
        return [[...pixels.data], labels];
    }"""
    for part, (images, expected) in library_digits.items():
        pixels, labels = page.evaluate(call, part)
        assert labels == expected.tolist()
        np.testing.assert_array_equal(pixels, images.ravel())


def test_a_changed_script_of_digits_is_noticed(tmp_path, capsys):
    assert export_training_digits.main([], tmp_path) == 0
    path = tmp_path / export_training_digits.SCRIPT
    assert export_training_digits.main(["--check"], tmp_path) == 0
    path.write_text(path.read_text("utf-8").replace("a", "b", 1), "utf-8")
    assert export_training_digits.main(["--check"], tmp_path) == 1
    assert "run `python tools/export_training_digits.py`" in capsys.readouterr().out


def library_training(digits, name, seed, steps, *, rate, batch, momentum):
    """Train as the page says it does, with the library's autograd; return losses and weights."""
    images, labels = digits["train"]
    random = np.random.RandomState(seed)
    if name == "neuron":
        images, labels = images[labels < 2], labels[labels < 2]
        width = (images.max(axis=1) > 0).sum(axis=1) / 20
        x = np.stack([width, images[:, 12:16, 12:16].mean(axis=(1, 2))], axis=1)
        start = [np.zeros((2, 1)), np.zeros(1)]
    else:
        x = images.reshape(200, 784)
        start = [np.zeros((784, 10)), np.zeros(10)]
    if name == "small":
        start = [random.normal(size=(784, 32)) * np.sqrt(2 / 784), np.zeros(32)]
        start += [random.normal(size=(32, 10)) * np.sqrt(2 / 32), np.zeros(10)]
    weights, sums = [Node(array) for array in start], [0.0] * len(start)
    losses, waiting = [], []
    for _ in range(steps):
        waiting = waiting or random.permutation(len(labels)).tolist()
        places, waiting = waiting[:batch], waiting[batch:]
        scores = Node(x[places])
        for place in range(0, len(weights), 2):
            scores = relu(scores) if place else scores
            scores = add(matmul(scores, weights[place]), weights[place + 1])
        if name == "neuron":  # softmax of the scores 0 and s is the sigmoid of s
            scores = matmul(scores, Node([[0, 1]]))
        loss = cross_entropy(scores, labels[places])
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        backward(loss)
        for k, weight in enumerate(weights):
            sums[k] = momentum * sums[k] + weight.gradient
            weight.value = weight.value - rate * sums[k]
        losses.append(float(loss.value))
    return losses, [weight.value for weight in weights]


@pytest.mark.parametrize(
    ("name", "seed", "settings"),
    [
        ("neuron", 0, {"rate": 1, "batch": 200, "momentum": 0}),
        ("layer", 3, {"rate": 0.1, "batch": 50, "momentum": 0.5}),
        ("small", 0, {"rate": 0.1, "batch": 20, "momentum": 0}),
        ("small", 7, {"rate": 0.05, "batch": 30, "momentum": 0.9}),
        ("small", 1, {"rate": 0.05, "batch": 1, "momentum": 0}),
    ],
)
def test_losses_are_those_of_the_library(page, library_digits, name, seed, settings):
    call = """([name, seed, settings]) => {
        const training = lenet.training.startTraining(name, seed);
        return Array.from({ length: 25 }, () => lenet.training.step(training, settings));
    }"""
    found = page.evaluate(call, [name, seed, settings])
    expected, _ = library_training(library_digits, name, seed, 25, **settings)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_momentum_and_errors_are_those_of_torch(page, library_digits):
    call = """() => {
        const { startTraining, step, evaluate, gradientLength } = lenet.training;
        const training = startTraining("small", 5);
        const settings = { rate: 0.1, batch: 200, momentum: 0.9 };
        const start = training.weights.map(({ value }) => [...value.data]);
        const losses = Array.from({ length: 20 }, () => step(training, settings));
        return [start, losses, gradientLength(training), evaluate(training, training.held)];
    }"""
    start, losses, length, held = page.evaluate(call)
    w1, b1, w2, b2 = weights = [
        torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()
        for values, shape in zip(start, [(784, 32), (32,), (32, 10), (10,)], strict=True)
    ]

    def scores_and_labels(part):
        images, labels = map(torch.tensor, library_digits[part])
        return torch.relu(images.flatten(1) @ w1 + b1) @ w2 + b2, labels

    optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9)
    for found in losses:
        loss = F.cross_entropy(*scores_and_labels("train"))
        assert found == pytest.approx(loss.item(), abs=1e-9)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert length == pytest.approx(torch.cat([w.grad.flatten() for w in weights]).norm().item())
    scores, labels = scores_and_labels("held")
    assert held["loss"] == pytest.approx(F.cross_entropy(scores, labels).item(), abs=1e-9)
    assert held["wrong"] == (scores.argmax(1) != labels).double().mean().item()


# In use

USUAL = {"rate": 0.1, "batch": 20, "momentum": 0}  # settings with which the page opens
TWO_FRAMES = """() => new Promise((done) =>
    requestAnimationFrame(() => requestAnimationFrame(done)))"""


@pytest.fixture
def opened(page):
    """The page as it opens."""
    page.reload()
    page.wait_for_selector(".learn")
    return page


def steps_taken(page):
    return int(re.search(r"Step (\d+)", page.text_content(".learn .network-note")).group(1))


def put(page, label, value):
    """Move a slider to a value, with the keys of the keyboard."""
    slider = page.get_by_label(label)
    slider.focus()
    slider.press("Home")
    for _ in range(16):
        if slider.get_attribute("aria-valuetext") == value:
            return
        slider.press("ArrowRight")
    raise AssertionError(f"{label} has no {value}")


def press(page, name):
    page.get_by_role("button", name=name, exact=True).press("Enter")


def await_text(page, selector, text):
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector).textContent.includes(text)",
        arg=[selector, text],
    )


def test_an_epoch_by_keyboard_is_that_of_the_library(opened, library_digits):
    put(opened, "Batch size", "20 digits")
    press(opened, "One epoch")
    await_text(opened, ".learn .network-note", "Step 10, epoch 1;")
    losses, _ = library_training(library_digits, "small", 0, 10, **USUAL)
    assert f"the batch had the loss {losses[-1]:#.3g}," in opened.text_content(".network-note")
    await_text(opened, "[role=status]", "Step 10. It learns")
    points = opened.get_attribute("[data-line=train]", "points").split()
    assert len(points) == 11
    assert opened.get_attribute("[data-line=before]", "points") == ""
    press(opened, "Reset")
    assert steps_taken(opened) == 0
    assert opened.get_attribute("[data-line=before]", "points")  # the run before, to compare with


def test_start_pauses_and_goes_on(opened):
    opened.get_by_role("button", name="Start").click()
    opened.wait_for_function("() => document.querySelector('[data-line=train]').points.length > 4")
    opened.get_by_role("button", name="Pause").click()
    taken = steps_taken(opened)
    opened.evaluate(TWO_FRAMES)
    assert steps_taken(opened) == taken
    press(opened, "One step")
    await_text(opened, ".learn .network-note", f"Step {taken + 1},")


def test_a_hidden_page_stops(opened):
    opened.get_by_role("button", name="Start").click()
    opened.evaluate("""() => {
        Object.defineProperty(document, "hidden", { value: true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
        delete document.hidden;
    }""")
    assert opened.get_by_role("button", name="Start").is_visible()


def test_steps_are_counted_up_by_every_button(opened):
    put(opened, "Batch size", "50 digits")
    press(opened, "One epoch")
    press(opened, "One epoch")  # while the first one runs
    press(opened, "One step")
    await_text(opened, ".learn .network-note", "Step 9, epoch 3;")
    press(opened, "One epoch")  # what is left of it
    await_text(opened, ".learn .network-note", "Step 12, epoch 3;")
    press(opened, "100 steps")
    opened.wait_for_function("() => document.querySelector('[data-line=train]').points.length > 14")
    press(opened, "Pause")
    assert 13 < steps_taken(opened) < 112


def test_nothing_moves_while_it_trains(opened):
    tops = """() => ["charts", "verdict", "table", "unit", "maps"]
        .map((name) => document.querySelector(`.learn-${name}`).getBoundingClientRect().top)"""
    for width in (320, 390, 1280):
        opened.set_viewport_size({"width": width, "height": 800})
        press(opened, "Reset")
        before = opened.evaluate(tops)
        press(opened, "One step")
        await_text(opened, ".learn .network-note", "Step 1,")
        assert opened.evaluate(tops) == before
    opened.set_viewport_size({"width": 390, "height": 844})


def test_a_step_is_read_off_by_keys_mouse_and_finger(opened, library_digits):
    press(opened, "One epoch")
    await_text(opened, ".learn .network-note", "Step 10, epoch 1;")
    chart, other = opened.get_by_role("slider", name="step to read off").all()
    assert opened.text_content(".learn-reading").startswith("Point at a chart")
    losses, _ = library_training(library_digits, "small", 0, 10, **USUAL)
    chart.focus()
    chart.press("PageDown")
    assert other.get_attribute("aria-valuenow") == "0"
    chart.press("ArrowRight")
    following = f"The batch that follows: loss {losses[1]:#.3g}."
    for words in ("Step 1. Training digits: loss", following):
        assert words in opened.text_content(".learn-reading")
        assert words in chart.get_attribute("aria-valuetext")
    assert opened.locator(".learn-pointer").count() == 2  # the same step in both charts
    chart.press("Escape")
    assert opened.text_content(".learn-reading").startswith("Point at a chart")
    box = other.bounding_box()
    place = [box["x"] + box["width"] * (54 + 294 * 7 / 50) / 360, box["y"] + 50]
    opened.mouse.move(*place)
    assert opened.text_content(".learn-reading").startswith("Step 7.")
    opened.mouse.move(0, 0)
    assert opened.text_content(".learn-reading").startswith("Point at a chart")
    touch = {"pointerType": "touch", "clientX": place[0], "clientY": place[1]}
    for kind in ("pointerdown", "pointerup", "pointerleave"):
        other.dispatch_event(kind, touch)
    assert opened.text_content(".learn-reading").startswith("Step 7.")
    press(opened, "Reset")
    chart.press("End")
    assert "Step 10 is still to come. The run before: " in opened.text_content(".learn-reading")


def test_the_lowest_loss_held_out_is_marked(opened):
    press(opened, "One epoch")
    await_text(opened, ".learn .network-note", "Step 10, epoch 1;")
    held = re.findall(r"[\d.]+,([\d.]+)", opened.get_attribute("[data-line=held]", "points"))
    lowest = max(range(11), key=lambda step: float(held[step]))  # y goes down
    assert f", at step {lowest}" in opened.text_content(".learn-legend")
    drawn = re.match(r"M([\d.]+),([\d.]+)", opened.get_attribute(".learn-chart .learn-mark", "d"))
    assert float(drawn[1]) == pytest.approx(54 + 294 * lowest / 50, abs=0.1)
    assert float(drawn[2]) + 7 == pytest.approx(float(held[lowest]), abs=0.1)


def test_a_map_opens_with_the_numbers_of_its_unit(opened, library_digits):
    images = library_digits["train"][0].reshape(200, 784)
    _, (start, *_) = library_training(library_digits, "small", 0, 0, **USUAL)
    _, (weights, bias, out, _) = library_training(library_digits, "small", 0, 10, **USUAL)
    press(opened, "One epoch")
    await_text(opened, ".learn .network-note", "Step 10, epoch 1;")
    active = (images @ weights + bias > 0).sum(0)
    opened.locator(".learn-maps input").first.focus()
    for unit in range(1, 7):
        opened.keyboard.press("ArrowRight")
        said = opened.text_content(".learn-unit")
        assert f"Hidden unit {unit + 1}" in said
        change = np.linalg.norm((weights - start)[:, unit])
        if active[unit]:
            best, worst = out[unit].argmax(), out[unit].argmin()
            assert f"above 0 for {active[unit]} of the 200" in said
            assert f"most for the {best} (+{out[unit, best]:.2f})" in said
            assert f"most against the {worst} (−{-out[unit, worst]:.2f})" in said
        else:
            assert "Dead: it gives 0 for all 200" in said
        assert f"changed by a length of {change:#.2g}, " in said
    announced = opened.text_content("[role=status]")
    assert announced.startswith("Hidden unit 7. ")
    assert 0 in active  # or no dead one was looked at
    captions = opened.locator(".learn-maps span").all_text_contents()
    assert [caption.endswith(": dead") for caption in captions] == (active == 0).tolist()


def test_a_neuron_of_the_last_layer_tells_what_it_takes_for_its_own(opened, library_digits):
    images, labels = library_digits["train"]
    _, (weights, bias) = library_training(library_digits, "layer", 0, 10, **USUAL)
    opened.select_option("#learn-network", "layer")
    assert "All ten scores are 0 as yet." in opened.text_content(".learn-unit")
    press(opened, "One epoch")
    await_text(opened, ".learn .network-note", "Step 10, epoch 1;")
    opened.locator(".learn-maps label").nth(4).click()
    found = (images.reshape(200, 784) @ weights + bias).argmax(1) == 4
    right = (found & (labels == 4)).sum()
    said = opened.text_content(".learn-unit")
    assert f"highest for {found.sum()} of the 200 training digits, and {right} of these" in said


# What the page says of a training

CALL = """(cases, made = {}) => cases.map(({ name, losses, held, wrong, settings, dead }) => {
    const training = made[name] ??= lenet.training.startTraining(name, 0);
    const steps = losses.length - 1;
    const bias = training.weights[1].value.data;
    for (let unit = 0; unit < 32; unit++) bias[unit] = unit < dead ? -1e3 : 1e3;
    const line = (values, share) => values.map((loss) => ({ loss, wrong: share }));
    const history = {
        batch: losses.slice(0, -1), sizes: Array(steps).fill(settings.batch),
        train: line(losses, wrong[0] / training.train.labels.length),
        held: line(held, wrong[1] / training.held.labels.length),
    };
    const { kind, text, note } = lenet.verdict({ ...training, steps }, history, settings);
    return [kind, text, note];
})"""


def case(losses, held=None, *, wrong=(9, 30), name="layer", dead=0, **settings):
    """Return a training by what the page remembers of it."""
    return {
        "name": name,
        "losses": losses,
        "held": losses if held is None else held,
        "wrong": wrong,
        "settings": USUAL | settings,
        "dead": dead,
    }


def verdict(page, *args, **more):
    """Ask the page what it says of a training: kind, text and note."""
    return page.evaluate(CALL, [case(*args, **more)])[0]


def line(*ends):
    """Return 25 losses between each two of some, on a straight line."""
    at = np.arange(len(ends))
    return np.interp(np.linspace(0, at[-1], 25 * at[-1] + 1), at, ends).tolist()


@pytest.mark.parametrize(
    ("losses", "more", "kind", "words"),
    [
        ([2.3], {}, "notBegun", "the loss log 10 = 2.30"),
        ([2.3, float("inf")], {}, "diverged", "The training has diverged"),
        ([2.3, 2.2], {"name": "small", "dead": 32}, "allDead", "All 32 hidden units are dead"),
        ([2.3, 2.2], {"rate": 0}, "still", "no step follows it"),
        ([2.3, 60.0], {}, "climbing", "climbed from 2.30 to 60.0:"),
        ([2.3, 60.0, 3.43], {}, "recovering", "down to 3.43, from 60.0 at step 1,"),
        ([2.3, 60.0, 2.4], {}, "level", "On the way it was at 60.0 (step 1)"),
        (line(2.3, 1, 0.01), {"held": line(2.3, 0.3, 0.5)}, "overfitting", "from 0.300 to 0.500,"),
        (line(2.3, 0.02, 0.4), {}, "rebounding", "down to 0.0200 at step 25"),
        (line(2.3, 0.1), {"wrong": (0, 13)}, "known", "13 of 197 are wrong (the fewest so far)"),
        (line(2.3, 0.1), {"wrong": (0, 0)}, "known", "Every digit is right"),
        (line(2.3, 2.25, 2.2), {}, "slow", "fallen only from 2.30 to 2.20: the steps go down"),
        (line(2.3, 0.8), {}, "learning", "has fallen from 2.30 to 0.800."),
        ([*line(2.3, 0.8), 1.0], {}, "learning", "It was lowest at step 25: 0.800."),
        (line(2.3, 2.5), {}, "level", "has risen from 2.30 to 2.50."),
        ([2.3, 2.3], {}, "level", "After 1 step the loss is at 2.30, as at the start."),
    ],
)  # fmt: skip
def test_a_verdict_is_that_of_its_case(page, losses, more, kind, words):
    found, text, _ = verdict(page, losses, **more)
    assert (found, words in text) == (kind, True), text


def test_a_note_says_why(page):
    down, ragged = line(2.3, 0.8), [2.3, 1.0, 1.3] * 10
    small = {"name": "small", "dead": 21}
    assert "21 of the 32 hidden units are dead" in verdict(page, down, **small)[2]
    assert verdict(page, down, name="small", dead=8)[2] == ""
    assert "167 of 197 are right, and yet" in verdict(page, down, line(2.3, 5))[2]
    assert "of a single digit each, had losses from 1.00" in verdict(page, ragged, batch=1)[2]
    assert "the steps overshoot" in verdict(page, ragged, batch=200)[2]
    assert "a batch is not all digits" in verdict(page, ragged, batch=20)[2]


CHANGE = re.compile(r"(fallen|risen|climbed)(?: only)? from ([\d.]+) to ([\d.]+\d)")


def test_whatever_a_verdict_says_is_so(page):
    """Of random trainings: what is said to have fallen fell, and the step named is the lowest."""
    random, cases, kinds = np.random.default_rng(0), [], set()
    for _ in range(150):
        size = (2, int(random.integers(1, 90)))
        drift = np.cumsum(random.normal(random.uniform(-0.08, 0.06), 0.15, size), axis=1)
        cases.append(case(*(2.3 * np.exp(np.pad(drift, ((0, 0), (1, 0))))).tolist()))
    for told, (kind, text, _) in zip(cases, page.evaluate(CALL, cases), strict=True):
        kinds.add(kind)
        for verb, before, after in CHANGE.findall(text):
            assert np.sign(float(after) - float(before)) == (-1 if verb == "fallen" else 1), text
        if step := re.search(r"step (\d+)", text):
            line = told["held" if kind == "overfitting" else "losses"]
            extreme = np.argmax if kind in ("recovering", "level") else np.argmin
            assert int(step[1]) == extreme(line), text
    assert kinds >= {"climbing", "recovering", "overfitting", "rebounding", "level", "learning"}


def test_the_page_shows_and_says_the_verdict(opened):
    opened.emulate_media(reduced_motion="reduce")  # many steps at once
    opened.select_option("#learn-network", "small")
    put(opened, "Learning rate", "30")
    press(opened, "100 steps")
    await_text(opened, ".learn-verdict", "The training has diverged")
    await_text(opened, "[role=status]", "The training has diverged")
    opened.emulate_media(reduced_motion="no-preference")
    assert opened.get_by_role("button", name="One step").is_disabled()
    assert opened.locator(".learn-verdict .network-wrong").count() == 1


# What book/learn.md says of runs with the seed 0: wrong in training, wrong held out, dead units.
SAID = [
    ("small", {}, 0, "two are dead at the start", [174, 175, 2]),
    ("small", {}, 10, "ten steps kill six more", [140, 131, 8]),
    ("small", {}, 100, "0.1, five of the 200", [5, 14, 8]),
    ("small", {}, 200, "13 of those held out", [0, 13, 8]),
    ("small", {"rate": 0.3}, 100, "94, and 28 of the 32 units", [94, 105, 28]),
    ("small", {"rate": 1}, 8, "dead after eight steps", [170, 176, 32]),
    ("layer", {"rate": 1}, 100, "every training digit is right. What", [0, 16, 0]),
    ("layer", {"rate": 0.03, "batch": 1}, 200, "40 of 200 are still", [40, 59, 0]),
    ("layer", {"rate": 0.03, "batch": 200}, 1, "far: 158 are wrong", [158, 164, 0]),
    ("layer", {"rate": 0.3, "batch": 200}, 60, "after sixty all 200", [0, 16, 0]),
    ("layer", {"rate": 0.3, "batch": 1}, 200, "has 65 wrong", [65, 70, 0]),
    ("small", {"rate": 0.01}, 100, "momentum 56 training", [56, 74, 4]),
    ("small", {"rate": 0.01, "momentum": 0.9}, 100, "with 0.9 only 6", [6, 17, 10]),
]


@pytest.mark.parametrize(("name", "settings", "steps", "words", "expected"), SAID)
def test_the_text_says_what_happens(page, name, settings, steps, words, expected):
    assert words in SOURCE.read_text("utf-8")
    call = """([name, settings, steps]) => {
        const { startTraining, step, evaluate, deadUnits } = lenet.training;
        const training = startTraining(name, 0);
        for (let k = 0; k < steps; k++) step(training, settings);
        const wrong = (part) => Math.round(evaluate(training, part).wrong * part.labels.length);
        const dead = name === "small" ? deadUnits(training) : 0;
        return [wrong(training.train), wrong(training.held), dead];
    }"""
    assert page.evaluate(call, [name, USUAL | settings, steps]) == expected


def test_the_text_tells_of_a_training_that_overfits(page):
    call = """(settings) => {
        const { startTraining, step, evaluate } = lenet.training, found = [];
        const training = startTraining("small", 0);
        for (let k = 1; k <= 50; k++) {
            step(training, settings);
            if (k < 25 || k === 50) found.push(evaluate(training, training.held));
            if (k === 18 || k === 50) found.at(-1).train = evaluate(training, training.train).loss;
        }
        return found;
    }"""
    found = page.evaluate(call, USUAL | {"batch": 200, "momentum": 0.95})
    lowest, last = min(found, key=lambda one: one["loss"]), found[-1]
    assert lowest is found[17]
    said = f"lowest at step 18, with {lowest['loss']:.3f}; at step 50 it is {last['loss']:.3f}, "
    assert said in SOURCE.read_text("utf-8")
    assert f"from {lowest['train']:.3f} to {last['train']:.3f}. Yet" in SOURCE.read_text("utf-8")
    assert "22 of the 197 at both" in SOURCE.read_text("utf-8")
    assert [round(one["wrong"] * 197) for one in (lowest, last)] == [22, 22]


def test_each_network_shows_its_weights_and_fits_a_phone(opened):
    for network, canvases in (("small", 32), ("layer", 10), ("neuron", 0)):
        opened.select_option("#learn-network", network)
        press(opened, "One step")
        await_text(opened, ".learn .network-note", "Step 1,")
        assert opened.locator(".learn-maps canvas").count() == canvases
        for width in (320, 390):
            opened.set_viewport_size({"width": width, "height": 800})
            assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.locator(".learn-border").count() == 1


def test_the_maps_are_the_weights(opened):
    opened.select_option("#learn-network", "layer")
    press(opened, "One step")
    await_text(opened, ".learn .network-note", "Step 1,")
    colours = """(kind) => {
        document.querySelector(`input[value=${kind}]`).click();
        const canvas = document.createElement("canvas");
        const copy = canvas.getContext("2d", { willReadFrequently: true });
        copy.drawImage(document.querySelectorAll(".learn-maps canvas")[3], 0, 0);
        return [...copy.getImageData(0, 0, 28, 28).data];
    }"""
    call = """() => {
        const training = lenet.training.startTraining("layer", 0);
        lenet.training.step(training, { rate: 0.1, batch: 20, momentum: 0 });
        const { data } = training.weights[0].value, range = lenet.page.rangeOf({ data });
        const colour = (pixel) => lenet.page.colours.signed(data[10 * pixel + 3] / range);
        return Array.from({ length: 784 }, (_, pixel) => [...colour(pixel), 255]).flat();
    }"""
    weights = opened.evaluate(call)
    assert opened.evaluate(colours, "weights") == weights
    assert opened.evaluate(colours, "change") == weights  # they began at zero
    gradient = np.array(opened.evaluate(colours, "gradient")).reshape(784, 4)
    weights = np.array(weights).reshape(784, 4)
    redder = weights[:, 0] > weights[:, 2]
    assert redder.any()
    assert (gradient[redder, 0] <= gradient[redder, 2]).all()  # the step went against it
