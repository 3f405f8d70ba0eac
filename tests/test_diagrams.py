"""The drawings: can every word be read, and is every number and every map the true one?"""

import itertools
import warnings

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, Ellipse, Rectangle
from torch.nn import functional as F

import lenetcourse as lc
from lenetcourse import GraphNode, UsageError
from lenetcourse.models import networks
from lenetcourse.show.canvas import BLUE, ORANGE

mpl.use("Agg")
NARROW, LEAST = 358, 8  # pixels of a figure on a page of 390, and of its smallest text


@pytest.fixture(autouse=True)
def style():
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("error")  # a missing glyph is a warning
        lc.use_course_style()
        yield
        plt.close("all")


# What can be read of a figure


def texts(figure):
    """Return the texts that can be seen, as they are drawn."""
    figure.canvas.draw()
    found = list(figure.texts)
    for axis in figure.axes:
        found += axis.texts
        if axis.axison:
            found += [axis.xaxis.label, axis.yaxis.label, axis.title]
            for one in (axis.xaxis, axis.yaxis):
                low, high = sorted(one.get_view_interval())
                found += [t.label1 for t in one.get_major_ticks() if low <= t.get_loc() <= high]
    for legend in figure.legends:
        found += legend.get_texts()
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def words(figure):
    return [text.get_text() for text in texts(figure)]


def labels(figure):
    """Return what stands below one another, such as "6 maps" and "24 × 24", as one label."""
    places = {}
    for text in figure.axes[0].texts:
        x, y = text.get_position()
        places[text] = (round(x, 3), y)
    found = []
    for text, (x, y) in places.items():
        below = [t for t, (x2, y2) in places.items() if x2 == x and 0 < y - y2 < 0.2]
        if below and not any(x2 == x and 0 < y2 - y < 0.2 for x2, y2 in places.values()):
            found.append(" of ".join([text.get_text(), *(t.get_text() for t in below)]))
    return found


def boxed(figure):
    """Return (text, patch) for every text that is meant to lie inside a patch."""
    patches = {p.get_gid(): p for axis in figure.axes for p in axis.patches if p.get_gid()}
    pairs = [(text, text.get_gid()) for text in texts(figure) if text.get_gid()]
    return [(text, patches[gid.partition("-")[0]]) for text, gid in pairs]


def inside(small, large, slack=0.5):
    return (
        small.x0 >= large.x0 - slack
        and small.y0 >= large.y0 - slack
        and small.x1 <= large.x1 + slack
        and small.y1 <= large.y1 + slack
    )


def check_readable(figure):
    """Every text inside the figure and its box, none over another, none too small."""
    found = texts(figure)
    assert found
    extents = [text.get_window_extent() for text in found]
    for text, extent in zip(found, extents, strict=True):
        assert inside(extent, figure.bbox), f"{text.get_text()!r} leaves the figure"
    for (a, one), (b, other) in itertools.combinations(zip(found, extents, strict=True), 2):
        shared = (
            min(one.x1, other.x1) - max(one.x0, other.x0),
            (min(one.y1, other.y1) - max(one.y0, other.y0)),
        )
        assert min(shared) <= 0.5, f"{a.get_text()!r} lies over {b.get_text()!r}"
    for text, patch in boxed(figure):
        extent, room = text.get_window_extent(), patch.get_window_extent()
        assert inside(extent, room), f"{text.get_text()!r} leaves its box"
    # A notebook saves the figure cropped, with a tenth of an inch around it.
    width = max(figure.get_figwidth(), figure.get_tightbbox().width + 0.2)
    least = min(text.get_fontsize() for text in found)
    assert least / 72 * NARROW / width >= LEAST
    assert to_hex(figure.get_facecolor()) == "#ffffff"


# Drawings of numbers and ideas

EDGES = [[0, 0, 1, 1, 0, 0, 0]] * 3 + [[0, 0, 1, 1, 1, 1, 0]] * 3 + [[0] * 7]
UPRIGHT = [[-1, 0, 1]] * 3
FOUR = [[1, 3, 0, 2], [2, 0, 1, 1], [0, 0, 5, 4], [1, 0, 2, 6]]
LENET = {"C1": (5, 1), "S2": (2, 2), "C3": (5, 1), "S4": (2, 2), "C5": (5, 1)}
NODES = [
    GraphNode("x", "x", (0, 0), 2),
    GraphNode("w1", "w₁", (0, 1), 0.5, 24),
    GraphNode("product", "×", (1, 0.5), 1, 12),
    GraphNode("h", "ReLU", (2, 0.5), 1, 12),
    GraphNode("w2", "w₂", (2, 1.5), 3, 4),
    GraphNode("prediction", "×", (3, 0.5), 3, 4),
    GraphNode("target", "target", (3, 1.5), 1),
    GraphNode("error", "−", (4, 0.5), 2, 4),
    GraphNode("loss", "square", (5, 0.5), 4, 1),
]
ARROWS = [("x", "product"), ("w1", "product"), ("product", "h"), ("h", "prediction"),
          ("w2", "prediction"), ("prediction", "error"), ("target", "error"),
          ("error", "loss")]  # fmt: skip
SEVEN = (3072, 800, 90, 2, 90, 800, 3072)
NAMED = ["three"] * 12 + ["eight"] * 12
DIGIT = lc.load_dataset("digits", "test").images[3]
COLOUR = torch.stack([DIGIT, 255 - DIGIT, DIGIT // 2])


def two_classes(seed, shift=4.0):
    random = np.random.default_rng(seed)
    groups = random.normal(0, 0.7, (12, 2)), random.normal((shift, shift / 2), 0.7, (12, 2))
    return np.concatenate(groups), [0] * 12 + [1] * 12


DRAWINGS = {
    "window": lambda: lc.draw_window(EDGES, UPRIGHT, 0, 1, bias=-1),
    "window so far": lambda: lc.draw_window(EDGES, UPRIGHT, 2, 3, so_far=True),
    "window, stride 2": lambda: lc.draw_window(EDGES, UPRIGHT, 1, 2, stride=2),
    "window, decimals": lambda: lc.draw_window(
        np.linspace(-1.25, 1, 20).reshape(4, 5), np.full((2, 3), -0.125), 0, 0, bias=0.333
    ),
    "window, small": lambda: lc.draw_window([[2.0]], [[-3]], 0, 0),
    "window, two long lines": lambda: lc.draw_window(np.full((3, 3), -1.25), -np.eye(3) / 4, 0, 0),
    "pooling": lambda: lc.draw_pooling(FOUR),
    "average": lambda: lc.draw_pooling(FOUR, kind="average"),
    "pooling 3": lambda: lc.draw_pooling(np.arange(36).reshape(6, 6) - 18, size=3),
    "pooling, wide": lambda: lc.draw_pooling(np.arange(16).reshape(2, 8)),
    "pooling, one": lambda: lc.draw_pooling([[1, 2], [3, -4.25]]),
    "fields of LeNet-5": lambda: lc.draw_receptive_fields(LENET),
    "fields, one layer": lambda: lc.draw_receptive_fields({"conv": (3, 1)}),
    "fields, 100": lambda: lc.draw_receptive_fields({"a long name": (4, 4), "b": (25, 2)}),
    "graph": lambda: lc.draw_graph(NODES, ARROWS),
    "graph, one node": lambda: lc.draw_graph([GraphNode("x", "x", (0, 0), -0.123456)], []),
    "graph, nine columns": lambda: lc.draw_graph(
        [GraphNode(str(k), "σ", (k, k % 2), k / 8, -k) for k in range(9)],
        [(str(k), str(k + 1)) for k in range(8)],
    ),
    "encoder and decoder": lambda: lc.draw_encoder_decoder((784, 400, 20, 400, 784)),
    "with images": lambda: lc.draw_encoder_decoder((784, 400, 20, 784), DIGIT, DIGIT / 255),
    "sampled": lambda: lc.draw_encoder_decoder((784, 400, 2, 400, 784), COLOUR, COLOUR, True),
    "seven sizes": lambda: lc.draw_encoder_decoder(SEVEN, DIGIT, DIGIT, True),
    "sampled, no image": lambda: lc.draw_encoder_decoder((9, 4, 9), sampled=True),
    "dropout": lambda: lc.draw_dropout(),
    "dropout, five layers": lambda: lc.draw_dropout((8, 8, 8, 8, 8), 0.25, 3),
    "dropout, least": lambda: lc.draw_dropout((1, 1, 1), 0.0),
    "margin": lambda: lc.draw_margin(*two_classes(0)),
    "margin, steep": lambda: lc.draw_margin(two_classes(1, 9)[0][:, ::-1] * 100, NAMED),
    "margin, two points": lambda: lc.draw_margin([[0, 0], [3, 4]], [1, 2]),
}


@pytest.mark.parametrize("make", DRAWINGS.values(), ids=list(DRAWINGS))
def test_drawings_can_be_read(make, capsys, caplog):
    before = torch.get_rng_state()
    check_readable(make())
    assert torch.equal(torch.get_rng_state(), before)
    assert capsys.readouterr() == ("", "")
    assert not caplog.records


def test_drawings_do_not_need_the_style():
    mpl.rcdefaults()
    check_readable(lc.draw_window(EDGES, UPRIGHT, 0, 1, bias=-1))
    check_readable(lc.draw_margin(*two_classes(0)))
    check_readable(lc.draw_network(lc.LeNet5(), DIGIT))


def cell_values(figure):
    """Return the numbers in boxes, in the order in which they were drawn."""
    return [float(text.get_text().replace("−", "-")) for text, _ in boxed(figure)]


@pytest.mark.parametrize(("bias", "stride"), [(0, 1), (-2, 1), (1, 2), (0, 3)])
def test_window_agrees_with_torch(bias, stride):
    image = torch.randint(-9, 10, (7, 6), generator=torch.Generator().manual_seed(stride)).float()
    kernel = torch.tensor([[1.0, -1, 0], [2, 0, 1]])
    expected = F.conv2d(image[None, None], kernel[None, None], torch.tensor([bias]).float(), stride)
    expected = expected[0, 0]
    row, column = expected.shape[0] - 1, 1
    figure = lc.draw_window(image, kernel, row, column, bias, stride)
    numbers = [*image.flatten(), *kernel.flatten(), *expected.flatten()]
    assert cell_values(figure) == [float(one) for one in numbers]
    lines = [text for text in words(figure) if "·" in text]
    assert len(lines) == 2
    left, right = "".join(lines).replace("(bias)", "").split("=")
    left = left.replace("·", "*").replace("−", "-")
    assert eval(left) == float(right.replace("−", "-")) == expected[row, column]
    window, weights, cell = (p for p in figure.axes[0].patches if p.get_linewidth() == 2.2)
    marked = [
        [text.get_text() for text, patch in boxed(figure)
         if inside(patch.get_window_extent(), frame.get_window_extent())]
        for frame in (window, weights, cell)
    ]  # fmt: skip
    part = image[row * stride : row * stride + 2, column * stride : column * stride + 3]
    for found, numbers in zip(marked, (part, kernel, expected[row, column]), strict=True):
        assert [float(one.replace("−", "-")) for one in found] == numbers.flatten().tolist()
    assert (to_hex(window.get_edgecolor()), to_hex(cell.get_edgecolor())) == (
        ORANGE.lower(),
        BLUE.lower(),
    )


def test_window_so_far_leaves_out_what_comes_later():
    whole = cell_values(lc.draw_window(EDGES, UPRIGHT, 2, 3))
    part = cell_values(lc.draw_window(EDGES, UPRIGHT, 2, 3, so_far=True))
    assert len(whole) == 49 + 9 + 25
    assert part == whole[: 49 + 9 + 14]


def test_rounded_sums_say_so():
    def sign(values):
        return next(t for t in words(lc.draw_window(values, [[1]], 0, 0)) if "·" in t)

    assert sign([[0.25]]) == "0.25·1 = 0.25"
    assert sign([[1 / 3]]) == "0.33·1 ≈ 0.33"
    assert sign([[-0.001]]) == "0·1 ≈ 0"


@pytest.mark.parametrize("size", [1, 2, 4])
def test_pooling_agrees_with_torch(size):
    values = torch.tensor(FOUR).float() * 1.5
    for kind, pool in (("maximum", F.max_pool2d), ("average", F.avg_pool2d)):
        expected = pool(values[None], size)[0]
        figure = lc.draw_pooling(values, size, kind)
        found = {}
        for (text, patch), value in zip(boxed(figure), cell_values(figure), strict=True):
            found[patch.get_x(), -patch.get_y()] = (value, text.get_fontweight())
        left = [found[at] for at in sorted(found, key=lambda at: at[::-1]) if at[0] < 1.8]
        assert [value for value, _ in left] == values.flatten().tolist()
        xs = sorted({x for x, _ in found})
        right = [v for (x, _), (v, _) in sorted(found.items(), key=lambda p: p[0][::-1])
                 if x in xs[4:]]  # fmt: skip
        assert right == pytest.approx(expected.flatten().tolist(), abs=0.0051)
        bold = sum(weight == "bold" for _, weight in left)
        assert bold == (expected.numel() if kind == "maximum" else 0)


def seen(layers):
    """Return how many pixels and how many units of each layer one unit depends on, by torch."""
    signal = torch.zeros(1, 1, 200, requires_grad=True)
    outputs = [signal]
    for kernel, stride in layers.values():
        outputs.append(F.conv1d(outputs[-1], torch.ones(1, 1, kernel), stride=stride))
    for output in outputs[1:]:
        output.retain_grad()
    sides = []
    for output in outputs[1:]:
        (gradient,) = torch.autograd.grad(output[0, 0, 0], signal, retain_graph=True)
        sides.append(int((gradient != 0).sum()))
    outputs[-1][0, 0, 0].backward()
    return sides, [int((output.grad != 0).sum()) for output in outputs]


@pytest.mark.parametrize("layers", [LENET, {"a": (3, 1), "b": (3, 1)}, {"a": (4, 2), "b": (3, 3)}])
def test_receptive_fields_agree_with_gradients(layers):
    sides, units = seen(layers)
    figure = lc.draw_receptive_fields(layers)
    notes = [text for text in words(figure) if "×" in text]
    assert notes == [f"{side} × {side} pixels" for side in reversed(sides)]
    heights = [round(p.get_y(), 3) for p in figure.axes[0].patches if isinstance(p, Rectangle)]
    assert [heights.count(y) for y in sorted(set(heights))] == units
    if layers is LENET:  # those of the paper
        assert sides == [5, 6, 14, 16, 32]
        assert units == [32, 28, 14, 10, 5, 1]


def test_graph_has_values_above_and_gradients_below():
    figure = lc.draw_graph(NODES, ARROWS)
    shapes = [p for p in figure.axes[0].patches if p.get_gid()]
    assert [isinstance(shape, Ellipse) for shape in shapes] == [
        not any(node.name == end for _, end in ARROWS) for node in NODES
    ]
    for node, shape in zip(NODES, shapes, strict=True):
        extent = shape.get_window_extent()
        near = [t for t in texts(figure) if abs(t.get_window_extent().x0 + t.get_window_extent().x1
                                                - extent.x0 - extent.x1) < 4]  # fmt: skip
        above = [t for t in near if 0 <= t.get_window_extent().y0 - extent.y1 < 12]
        below = [t for t in near if 0 <= extent.y0 - t.get_window_extent().y1 < 12]
        for found, value, color in ((above, node.value, BLUE), (below, node.gradient, ORANGE)):
            assert [float(t.get_text()) for t in found] == ([] if value is None else [value])
            assert all(t.get_color() == color for t in found)
    arrows = [p for p in figure.axes[0].patches if type(p).__name__ == "FancyArrowPatch"]
    assert len(arrows) == len(ARROWS)


def test_layers_are_as_high_as_they_have_numbers():
    sizes = (784, 400, 98, 400, 784)
    figure = lc.draw_encoder_decoder(sizes)
    bars = [p.get_height() for p in figure.axes[0].patches if isinstance(p, Rectangle)]
    assert bars == pytest.approx([max(bars) * size / 784 for size in sizes])
    assert [text for text in words(figure) if text.isdigit()] == [str(size) for size in sizes]
    assert {"encoder", "code", "decoder"} <= set(words(figure))
    assert {"mean", "spread", "z"} <= set(words(lc.draw_encoder_decoder(sizes, sampled=True)))
    shown = lc.draw_encoder_decoder(sizes, DIGIT, COLOUR).axes[0]
    first, last = (artist for artist in shown.get_children() if hasattr(artist, "get_extent"))
    assert np.allclose(first.get_array(), DIGIT / 255)
    assert np.allclose(last.get_array(), COLOUR.permute(1, 2, 0) / 255)
    assert first.get_extent()[1] < last.get_extent()[0]


@pytest.mark.parametrize("seed", range(4))
def test_dropout_removes_units_with_their_edges(seed):
    sizes = (4, 5, 6, 3)
    figure = lc.draw_dropout(sizes, 0.4, seed)
    circles = [p for p in figure.axes[0].patches if isinstance(p, Circle)]
    pale = [c for c in circles if to_hex(c.get_facecolor()) == "#ffffff"]
    assert len(circles) == 2 * sum(sizes)
    assert f"{len(pale)} of 11 hidden units dropped" in words(figure)
    crosses = [line for line in figure.axes[0].lines if line.get_zorder() == 3]
    assert len(crosses) == 2 * len(pale)
    columns = sorted({round(c.center[0], 3) for c in circles})
    gone = [sum(round(c.center[0], 3) == x for c in pale) for x in columns]
    left = [size - n for size, n in zip(sizes * 2, gone, strict=True)]
    assert left[:4] == list(sizes)
    assert gone[4] == gone[7] == 0
    edges = len(figure.axes[0].lines) - len(crosses)
    expected = [a * b for part in (left[:4], left[4:]) for a, b in itertools.pairwise(part)]
    assert edges == sum(expected)


def test_margin_of_known_points():
    figure = lc.draw_margin([[0, 0], [-1, -2], [3, 4], [9, 9]], [0, 0, 1, 1])
    assert "width 5" in words(figure)
    *_, support = (line for line in figure.axes[0].lines if line.get_label() == "support vector")
    assert sorted(map(tuple, support.get_xydata())) == [(0, 0), (3, 4)]
    solid, dashed = [], []
    for line in figure.axes[0].lines:
        {"-": solid, "--": dashed}.get(line.get_linestyle(), []).append(line)
    (border,) = solid
    a, b = border.get_xydata()
    along = (b - a) / np.linalg.norm(b - a)
    assert abs(along @ [3, 4]) < 1e-4
    across = np.array([1.5, 2]) - a
    assert abs(along[0] * across[1] - along[1] * across[0]) < 1e-3
    assert len(dashed) == 2


@pytest.mark.parametrize("scale", [1e-3, 1, 1e4])
def test_margin_is_the_widest(scale):
    """By searching all directions: the largest gap between the classes' projections."""
    points, labels = two_classes(2)
    points = points * scale + 10 * scale
    angles = np.linspace(0, np.pi, 20001)
    projected = points @ np.stack([np.cos(angles), np.sin(angles)])
    first, second = projected[:12], projected[12:]
    gaps = np.maximum(second.min(0) - first.max(0), first.min(0) - second.max(0))
    figure = lc.draw_margin(points, labels)
    arrow = next(p for p in figure.axes[0].patches if type(p).__name__ == "FancyArrowPatch")
    start, end = np.array(arrow._posA_posB)
    assert np.linalg.norm(end - start) == pytest.approx(gaps.max(), rel=1e-3)


WRONG = {
    "a place outside": lambda: lc.draw_window(EDGES, UPRIGHT, 5, 0),
    "a negative place": lambda: lc.draw_window(EDGES, UPRIGHT, -1, 0),
    "a large image": lambda: lc.draw_window(np.zeros((8, 8)), UPRIGHT, 0, 0),
    "a large kernel": lambda: lc.draw_window(EDGES, np.zeros((4, 4)), 0, 0),
    "a kernel above its image": lambda: lc.draw_window([[1, 2]], UPRIGHT, 0, 0),
    "a row": lambda: lc.draw_window([1, 2, 3], UPRIGHT, 0, 0),
    "no stride": lambda: lc.draw_window(EDGES, UPRIGHT, 0, 0, stride=0),
    "long numbers": lambda: lc.draw_window(np.array(EDGES) + 1000.25, UPRIGHT, 0, 0),
    "not a number": lambda: lc.draw_window([[np.nan]], [[1]], 0, 0),
    "squares that do not fit": lambda: lc.draw_pooling(FOUR, size=3),
    "many squares": lambda: lc.draw_pooling(np.zeros((8, 8)), size=1),
    "another pooling": lambda: lc.draw_pooling(FOUR, kind="median"),
    "no layer": lambda: lc.draw_receptive_fields({}),
    "a layer without kernel": lambda: lc.draw_receptive_fields({"C1": (0, 1)}),
    "a hundred pixels": lambda: lc.draw_receptive_fields({"C1": (101, 1)}),
    "many layers": lambda: lc.draw_receptive_fields({str(k): (2, 1) for k in range(9)}),
    "no node": lambda: lc.draw_graph([], []),
    "two of a name": lambda: lc.draw_graph([NODES[0], NODES[1]._replace(name="x")], []),
    "two in a place": lambda: lc.draw_graph([NODES[0], NODES[1]._replace(place=(0, 0))], []),
    "no room": lambda: lc.draw_graph([NODES[0], NODES[1]._replace(place=(0.1, 0))], []),
    "an unknown edge": lambda: lc.draw_graph(NODES, [("x", "y")]),
    "many columns": lambda: lc.draw_graph([GraphNode("x", "x", (9, 0))], []),
    "two sizes": lambda: lc.draw_encoder_decoder((784, 20)),
    "many sizes": lambda: lc.draw_encoder_decoder((9, 8, 7, 6, 5, 6, 7, 8)),
    "the code at an end": lambda: lc.draw_encoder_decoder((20, 400, 784)),
    "an image of no shape": lambda: lc.draw_encoder_decoder((9, 4, 9), np.zeros(9)),
    "two layers": lambda: lc.draw_dropout((4, 3)),
    "many units": lambda: lc.draw_dropout((4, 9, 3)),
    "nothing left": lambda: lc.draw_dropout(rate=1.0),
    "one class": lambda: lc.draw_margin([[0, 0], [1, 1]], [0, 0]),
    "three axes": lambda: lc.draw_margin([[0, 0, 0], [1, 1, 1]], [0, 1]),
    "no street": lambda: lc.draw_margin([[0, 0], [1, 1], [2, 2]], [0, 1, 0]),
    "infinite": lambda: lc.draw_margin([[0, 0], [np.inf, 1]], [0, 1]),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=list(WRONG))
def test_bad_input_is_refused(make):
    with pytest.raises(UsageError):
        make()
    assert not plt.get_fignums()  # no empty figure stays behind


# Drawings of networks


def image_for(model, size=None):
    """Return a digit of the size and the channels that a network takes."""
    size = size or model.settings.get("input_size", 28)
    size = (size, size) if isinstance(size, int) else size
    image = F.interpolate(DIGIT[None, None].float(), size, mode="bilinear")[0, 0].to(torch.uint8)
    return torch.stack([image, 255 - image, image // 2]) if in_colour(model) else image


def in_colour(model):
    return next(model.parameters()).shape[1] == 3 or model.settings["in_channels"] == 3


NETWORKS = {
    "LeNet-5": lambda: lc.load_model()[0],
    "LeNet-5, conv3": lambda: lc.LeNet5(conv3=True, input_size=32),
    "LeNet-5, 16": lambda: lc.LeNet5(input_size=16, dropout=0.5),
    "LeNet-5, 17": lambda: lc.LeNet5(input_size=17, num_classes=1),
    "LeNet-5, 64 in colour": lambda: lc.LeNet5(input_size=64, in_channels=3),
    "LeNet-5, (1, 1)": lambda: lc.LeNet5((1, 1), num_classes=2),
    "LeNet-5, (3, 8)": lambda: lc.LeNet5((3, 8), num_classes=12),
    "LeNet-5, (32, 64)": lambda: lc.LeNet5((32, 64), num_classes=47),
    "MLP": lambda: lc.MLP(),
    "MLP, two": lambda: lc.MLP((300, 100), input_size=64),
    "MLP, none": lambda: lc.MLP((), in_channels=3),
    "MLP, five": lambda: lc.MLP((512, 256, 128, 64, 32), input_size=16),
    "WideCNN": lambda: lc.WideCNN(),
    "WideCNN, 16 in colour": lambda: lc.WideCNN(input_size=16, in_channels=3, hidden=1000),
    "PaddedCNN": lambda: lc.PaddedCNN(),
    "PaddedCNN, 64 in colour": lambda: lc.PaddedCNN(input_size=64, in_channels=3),
    "SmallCNN": lambda: lc.SmallCNN(),
    "SmallCNN, 16": lambda: lc.SmallCNN(input_size=16, num_classes=100),
    "VAE": lambda: lc.VAE(),
    "VAE, plane": lambda: lc.VAE(latent=2, sample=False, input_size=16),
    "VAE, 64 in colour": lambda: lc.VAE(latent=2, input_size=64, in_channels=3),
    "LeNetSegmenter": lambda: lc.LeNetSegmenter(),
    "LeNetSegmenter, colour": lambda: lc.LeNetSegmenter(True, in_channels=3),
    "SkipSegmenter": lambda: lc.SkipSegmenter(),
    "SkipSegmenter, colour": lambda: lc.SkipSegmenter(in_channels=3),
    "SmallUNet": lambda: lc.SmallUNet(),
    "SmallUNet, colour": lambda: lc.SmallUNet(in_channels=3),
}
SIZES = {"LeNetSegmenter, colour": (40, 64), "SkipSegmenter, colour": (17, 50),
         "SmallUNet, colour": (64, 16), "SmallUNet": 60}  # fmt: skip


def drawn(name):
    torch.manual_seed(0)
    model = NETWORKS[name]()
    return model, image_for(model, SIZES.get(name))


@pytest.mark.parametrize("name", list(NETWORKS))
def test_networks_can_be_read_and_are_left_alone(name, capsys, caplog):
    model, image = drawn(name)
    model.train()
    next(model.children()).eval()  # each module has a mode of its own
    modes = [module.training for module in model.modules()]
    weights = [p.clone() for p in model.parameters()]
    before, random = image.clone(), torch.get_rng_state()
    figure = lc.draw_network(model, image)
    assert torch.equal(torch.get_rng_state(), random)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    assert all(p.grad is None for p in model.parameters())
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    assert torch.equal(image, before)
    check_readable(figure)
    assert capsys.readouterr() == ("", "")
    assert not caplog.records


def test_every_network_of_the_course_is_drawn():
    assert {type(make()).__name__ for make in NETWORKS.values()} == set(networks.NETWORKS)
