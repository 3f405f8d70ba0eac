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
from matplotlib.path import Path
from torch import nn
from torch.nn import functional as F

import lenetcourse as lc
from lenetcourse import GraphNode, UsageError
from lenetcourse.models import networks
from lenetcourse.show.canvas import BLUE, GREEN, INK, ORANGE, PINK
from lenetcourse.show.network_blocks import BAR

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


def shared(one, other):
    """Return the smaller side of what two boxes share, in pixels; negative where they do not."""
    return min(
        min(one.x1, other.x1) - max(one.x0, other.x0),
        min(one.y1, other.y1) - max(one.y0, other.y0),
    )


def sequential(*layers):
    """Return a classifier of 28x28 images that begins with these layers."""
    model = nn.Sequential(*layers, nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
    with torch.no_grad():
        model(torch.zeros(1, 1, 28, 28))
    return model


def pictures(figure):
    """Return images and maps in the order in which they were drawn."""
    return [
        one for axis in figure.axes for one in axis.get_children() if hasattr(one, "get_extent")
    ]


def strokes(figure):
    """Yield (path, room): lines and arrows in pixels, and where they are cut off."""
    for axis in figure.axes:
        arrows = [one for one in axis.patches if type(one).__name__ == "FancyArrowPatch"]
        lines = [one for one in axis.lines if one.get_linestyle() != "None"]
        for one in [*lines, *arrows]:
            transform = axis.transData if one in arrows else one.get_transform()
            for points in one.get_path().transformed(transform).to_polygons(closed_only=False):
                yield Path(points), axis.bbox if one.get_clip_on() else figure.bbox


def check_readable(figure):
    """Every text inside the figure and its box, on nothing else, crossed by no line, and large."""
    found = texts(figure)
    assert found
    extents = [text.get_window_extent() for text in found]
    for text, extent in zip(found, extents, strict=True):
        assert inside(extent, figure.bbox), f"{text.get_text()!r} leaves the figure"
    for (a, one), (b, other) in itertools.combinations(zip(found, extents, strict=True), 2):
        assert shared(one, other) <= 0.5, f"{a.get_text()!r} lies over {b.get_text()!r}"
    for text, extent in zip(found, extents, strict=True):
        for one in pictures(figure):
            assert shared(extent, one.get_window_extent()) <= 0.5, f"{text} lies on a picture"
    for path, room in strokes(figure):
        for text, extent in zip(found, extents, strict=True):
            crossed = path.intersects_bbox(extent.padded(-1), filled=False)
            assert not crossed or shared(extent, room) < 0, f"{text.get_text()!r} is crossed"
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
        [GraphNode(str(k), "σ", (k, 0), k / 8, -k) for k in range(9)],
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


@pytest.mark.parametrize("name", ["window", "margin"])
def test_a_drawing_can_be_saved_and_shown_again(name, tmp_path):
    figure = DRAWINGS[name]()
    for crop in ("tight", None):
        figure.savefig(tmp_path / "one.png", bbox_inches=crop)
    check_readable(figure)
    shown = plt.imread(tmp_path / "one.png")
    assert (shown[[0, 0, -1, -1], [0, -1, 0, -1], :3] == 1).all()


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
    "ResidualNet": lambda: lc.ResidualNet(),
    "AlexNet2012": lambda: lc.AlexNet2012(num_classes=5, hidden=128),
    "AlexNet": lambda: lc.AlexNet(num_classes=5, hidden=128),
    "SmallAlexNet": lambda: lc.SmallAlexNet(),
    "ResidualNet, plain in grey": lambda: lc.ResidualNet((8, 16), False, False, in_channels=1),
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
         "SmallUNet, colour": (64, 16), "SmallUNet": 60, "AlexNet2012": 227, "AlexNet": 227,
         "SmallAlexNet": 64}  # fmt: skip


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


def shape_label(shape):
    """Return the label of a layer's output: (c, h, w) or (n,)."""
    if len(shape) == 1:
        return str(shape[0])
    return f"{shape[0]} map{'s'[: shape[0] > 1]} of {shape[1]} × {shape[2]}"


@pytest.mark.parametrize("name", [name for name in NETWORKS if "Seg" not in name])
def test_labels_agree_with_the_layer_table(name):
    model, image = drawn(name)
    figure = lc.draw_network(model, image)
    table = lc.layer_table(model, lc.as_inputs(image[None]).shape[1:])
    hidden = {
        "up1",
        "up2",
        *(f"{part}.0" for part in ["down1", "down2", "bottom", "join1", "join2"]),
    }
    expected = [shape_label(row.output_shape) for row in table if row.name not in hidden]
    found = [text.replace("sample of ", "") for text in labels(figure)] + words(figure)
    sides = "{} × {}".format(*image.shape[-2:])
    assert f"input of {sides}" in found
    expected[-1] = {"VAE": f"output of {sides}", "U": f"output of {sides}"}.get(
        "U" if "UNet" in name else name[:3], expected[-1]
    )
    if len(expected[-1]) < 3 and int(expected[-1]) <= 12:
        expected[-1] = f"{expected[-1]} classes" if expected[-1] != "1" else "1 score"
    for label in expected:
        assert label in found or any(one.endswith(f" of {label}") for one in found), label


def test_levels_begin_at_the_left_where_maps_never_grow_again():
    model, image = drawn("ResidualNet")
    pools = [text for text in texts(lc.draw_network(model, image)) if text.get_text() == "pool 2"]
    places = [text.get_position() for text in pools]
    assert len({x for x, _ in places}) == 1
    assert sorted({y for _, y in places}, reverse=True) == [y for _, y in places]
    assert len(places) == 4


def test_labels_of_lenet_and_of_its_segmenter():
    """The shapes that their forward passes name."""
    model, image = drawn("LeNet-5")
    maps = ["6 maps of 24 × 24", "6 maps of 12 × 12", "16 maps of 8 × 8", "16 maps of 4 × 4"]
    figure = lc.draw_network(model, image)
    assert labels(figure)[:5] == ["input of 28 × 28", *maps]
    assert {"120", "84", "10 classes"} <= set(words(figure))
    assert [t for t in words(figure) if t in ("5×5", "pool 2", "dense")] == [
        "5×5", "pool 2", "pool 2", "dense", "dense", "dense", "5×5"]  # fmt: skip
    figure = lc.draw_network(*drawn("LeNetSegmenter"))
    more = ["6 maps of 8 × 8", "6 maps of 16 × 16", "1 map of 20 × 20", "output of 28 × 28"]
    assert [t for t in labels(figure) if "map" in t or "put" in t] == [
        "input of 28 × 28", *maps, *more]  # fmt: skip
    assert words(figure).count("transposed") == words(figure).count("upsample") == 2


def stacks(figure, color):
    """Return the maps of one colour, the first of each stack before the others of it."""
    shown = [one for one in pictures(figure) if one.cmap.name == color]
    return [one.get_array() for one in sorted(shown, key=lambda one: -one.get_zorder())]


def test_maps_and_bars_of_lenet_are_those_that_it_computes():
    model, image = drawn("LeNet-5")
    figure = lc.draw_network(model, image)
    inputs = lc.as_inputs(image[None])
    computed = {name: value[0] for name, value in lc.activations(model, inputs).items()}
    first, second = computed["conv1"].relu(), computed["conv2"].relu()
    pooled = F.max_pool2d(first, 2), F.max_pool2d(second, 2)
    found, small = stacks(figure, BLUE), stacks(figure, GREEN)
    assert (len(found), len(small)) == (6 + 16, 6 + 16)
    for sides, expected in ((24, first), (8, second)):
        np.testing.assert_allclose([one for one in found if len(one) == sides], expected, atol=1e-6)
    for sides, expected in ((12, pooled[0]), (4, pooled[1])):
        np.testing.assert_allclose([one for one in small if len(one) == sides], expected, atol=1e-6)
    ends = {0: (0.0, float(first.max())), 1: (0.0, float(second.max()))}
    for one in pictures(figure):  # white is the least value of a layer, dark its largest
        if one.cmap.name in (BLUE, GREEN):
            assert one.get_clim() == pytest.approx(ends[len(one.get_array()) in (8, 4)])
    columns = [one.T.flatten() for one in stacks(figure, ORANGE)]
    for cells, name in zip(columns, ("fc1", "fc2"), strict=True):
        np.testing.assert_allclose(cells, computed[name].relu(), atol=1e-6)
    shares = lc.predict_probabilities(model, image[None])[0]
    np.testing.assert_allclose(bars(figure), shares, atol=1e-6)
    (best,) = [t for t in texts(figure) if t.get_fontweight() == "bold"]
    assert best.get_text() == str(int(shares.argmax()))


def test_of_many_maps_those_with_the_largest_values_are_drawn():
    model, image = drawn("WideCNN")
    maps = lc.activations(model, lc.as_inputs(image[None]))["conv1"][0].relu()
    strong = sorted(maps.amax((1, 2)).argsort(descending=True)[:10].tolist())
    found = [one for one in stacks(lc.draw_network(model, image), BLUE) if len(one) == 28]
    np.testing.assert_allclose(found, maps[strong], atol=1e-6)
    model = sequential(nn.Conv2d(1, 30, 2), nn.AvgPool2d(9))
    figure = lc.draw_network(model, image)
    large, small = stacks(figure, BLUE), stacks(figure, GREEN)
    # The windows are those of these maps; ReLU comes after this pooling and stays there.
    pooled = F.avg_pool2d(torch.tensor(np.array(large)), 9).relu()
    np.testing.assert_allclose(small, pooled, atol=1e-6)
    model, image = drawn("SmallUNet")
    copied = stacks(lc.draw_network(model, image), PINK)
    with torch.no_grad():
        fine = model.down1(lc.as_inputs(image[None]))[0]
    strong = sorted(fine.amax((1, 2)).argsort(descending=True)[:2].tolist())
    found = [one for one in copied if one.shape == image.shape]
    np.testing.assert_allclose(found, fine[strong], atol=1e-6)


def test_maps_have_one_scale_of_inches_and_of_shades():
    figure = lc.draw_network(*drawn("LeNet-5"))
    per_pixel, limits = set(), {}
    for one in pictures(figure):
        x0, x1, y0, y1 = one.get_extent()
        height, width = one.get_array().shape[:2]
        if width > 3:  # a column of cells has other sides
            per_pixel |= {round((x1 - x0) / width, 6), round((y1 - y0) / height, 6)}
            limits.setdefault((width, one.cmap.name), set()).add(one.get_clim())
    assert len(per_pixel) == 1
    assert all(len(several) == 1 for several in limits.values())


WINDOWS = {
    "LeNet-5": (lambda: drawn("LeNet-5")[0], "conv1"),
    "LeNet-5, 16": (lambda: drawn("LeNet-5, 16")[0], "conv1"),
    "PaddedCNN": (lambda: drawn("PaddedCNN")[0], "conv1"),
    "WideCNN": (lambda: drawn("WideCNN")[0], "conv1"),
    "stride and padding": (lambda: sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1)), "0"),
    "padding before": (
        lambda: sequential(nn.ZeroPad2d((5, 0, 3, 1)), nn.Conv2d(1, 2, (3, 4), stride=(1, 2))),
        "1",
    ),
    "same, even": (lambda: sequential(nn.Conv2d(1, 2, 4, padding="same")), "0"),
}


@pytest.mark.parametrize(("make", "layer"), WINDOWS.values(), ids=list(WINDOWS))
def test_windows_are_those_of_the_units(make, layer):
    """The number of the marked unit is the sum over the marked window."""
    torch.manual_seed(1)
    warnings.filterwarnings("ignore", "Using padding='same'")
    model = make()
    image = image_for(model) if hasattr(model, "settings") else DIGIT
    convolution = model.get_submodule(layer)
    convolution.weight.data.abs_()  # so that there are units above 0
    convolution.bias.data.abs_()
    figure = lc.draw_network(model, image)
    empty = [p for p in figure.axes[0].patches if isinstance(p, Rectangle) and not p.get_fill()]
    squares = [p for p in empty if to_hex(p.get_edgecolor()) == ORANGE.lower()]
    window, unit = [p for p in squares if p.get_linewidth() > 1][:2]
    source, *others = pictures(figure)
    target = next(one for one in others if one.get_zorder() == 3 and one.cmap.name == BLUE)
    (top, left, high, wide), (row, column, *one) = pixels(window, source), pixels(unit, target)
    assert one == [1, 1]
    assert (high, wide) == convolution.kernel_size
    assert min(top, left) >= 0
    assert top + high <= image.shape[0]
    assert left + wide <= image.shape[1]
    part = lc.as_inputs(image[None])[0, 0, top : top + high, left : left + wide]
    with torch.no_grad():
        answers = (part * convolution.weight[:, 0]).sum((1, 2)) + convolution.bias
        maps = lc.activations(model, lc.as_inputs(image[None]))[layer][0].relu()
    (number,) = [k for k, one in enumerate(maps) if np.allclose(one, target.get_array(), atol=1e-6)]
    assert answers[number] > 0
    assert target.get_array()[row, column] == pytest.approx(answers[number].item(), abs=1e-5)


def test_a_kernel_with_gaps_has_no_window():
    figure = lc.draw_network(sequential(nn.Conv2d(1, 4, 3, dilation=2)), DIGIT)
    assert not [
        p for p in figure.axes[0].patches if p.get_linewidth() == 1.1 and p.get_zorder() == 6
    ]


def test_a_network_in_training_is_drawn_as_it_answers():
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 3, 5), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5)]
    model = nn.Sequential(*layers, nn.Linear(3 * 24 * 24, 7))
    state = {name: value.clone() for name, value in model.state_dict().items()}
    shares = bars(lc.draw_network(model.train(), DIGIT))
    expected = lc.predict_probabilities(model, DIGIT[None])[0]
    np.testing.assert_allclose(shares, expected, atol=1e-6)
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name]), name


def bars(figure):
    """Return the lengths of the bars for the classes as shares of the longest possible."""
    found = [p for p in figure.axes[0].patches if isinstance(p, Rectangle) and p.get_fill()]
    found = [p for p in found if to_hex(p.get_facecolor()) == ORANGE.lower()]
    assert [p.get_y() for p in found] == sorted((p.get_y() for p in found), reverse=True)
    return np.array([p.get_width() for p in found]) / BAR[1]


def pixels(patch, picture):
    """Return top, left, height and width of a patch in the pixels of a picture."""
    x0, x1, _, y1 = picture.get_extent()
    side = (x1 - x0) / picture.get_array().shape[1]
    values = [(y1 - patch.get_y() - patch.get_height()) / side, (patch.get_x() - x0) / side,
              patch.get_height() / side, patch.get_width() / side]  # fmt: skip
    assert np.allclose(values, np.round(values), atol=1e-6)
    return [round(value) for value in values]


@pytest.mark.parametrize("name", ["VAE", "VAE, 64 in colour", "SkipSegmenter", "SmallUNet, colour"])
def test_the_output_is_the_image_that_the_network_computes(name):
    model, image = drawn(name)
    figure = lc.draw_network(model, image)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        output = model.eval()(lc.as_inputs(image[None]))
    output = output.logits if name.startswith("VAE") else output
    expected = output.sigmoid().reshape(-1, *image.shape[-2:]).movedim(0, -1).squeeze(-1)
    first, last = (one for one in pictures(figure) if one.cmap.name == INK)
    shown = image.movedim(0, -1) if image.ndim == 3 else image
    np.testing.assert_allclose(first.get_array(), shown / 255, atol=1e-6)
    np.testing.assert_allclose(last.get_array(), expected, atol=1e-5)


def test_a_vae_names_its_mean_and_its_spread():
    found = labels(lc.draw_network(*drawn("VAE")))
    assert {"mu of 20", "logvar of 20", "sample of 20", "output of 28 × 28"} <= set(found)
    plain = words(lc.draw_network(*drawn("VAE, plane")))
    assert "sampling" not in plain


@pytest.mark.parametrize(
    ("name", "skips", "legend"),
    [("SkipSegmenter", 2, "skip: added"), ("SmallUNet", 2, "skip: concatenated")],
)
def test_skips_are_dashed_arrows_between_maps_of_one_size(name, skips, legend):
    figure = lc.draw_network(*drawn(name))
    assert legend in words(figure)
    arrows = [p for p in figure.axes[0].patches if type(p).__name__ == "FancyArrowPatch"]
    dashed = [p for p in arrows if to_hex(p.get_edgecolor()) == PINK.lower()]
    assert all(arrow.get_linestyle() != "-" for arrow in dashed)
    assert len(dashed) == skips + 1  # and the one in the legend
    for arrow in dashed:
        (x0, y0), (x1, y1) = arrow._posA_posB
        assert x0 < x1
        assert y0 == pytest.approx(y1)
    assert "twice" in words(figure) or name == "SkipSegmenter"


class Residual(nn.Module):
    """What no network of the course has: batch normalisation, a skip around a layer, a mean."""

    def __init__(self, inplace=False):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1, stride=1)
        self.relu, self.dense = nn.ReLU(inplace), nn.Linear(4, 10)

    def forward(self, x):
        x = self.relu(self.norm(self.first(x)))
        x = x + torch.tanh(self.second(x))
        return self.dense(F.adaptive_avg_pool2d(x, 1).flatten(1)).log_softmax(1)


@pytest.mark.parametrize("sides", [(112, 8), (8, 112)])
def test_wide_labels_under_narrow_maps(sides):
    image = image_for(lc.SkipSegmenter(), sides)
    check_readable(lc.draw_network(lc.SkipSegmenter(), image))
    check_readable(lc.draw_network(lc.SmallUNet(), image))
    ones = [nn.Conv2d(1, 1, 1), nn.Conv2d(1, 2, 1), nn.Conv2d(2, 1, 1), nn.Flatten()]
    check_readable(lc.draw_network(nn.Sequential(*ones, nn.Linear(112 * 8, 3)), image))


@pytest.mark.parametrize("inplace", [False, True])
def test_a_network_of_a_reader(inplace):
    figure = lc.draw_network(Residual(inplace), DIGIT)
    check_readable(figure)
    assert "skip: added" in words(figure)


def test_sequential_networks():
    layers = [nn.Conv2d(1, 4, 5, stride=2), nn.Tanh(), nn.AvgPool2d(3, 1), nn.Flatten(),
              nn.Linear(400, 10), nn.Softmax(1)]  # fmt: skip
    model, image = nn.Sequential(*layers), DIGIT
    figure = lc.draw_network(model, image)
    check_readable(figure)
    assert {"stride 2", "average 3", "4 maps"} <= set(words(figure))
    inputs = lc.as_inputs(image[None])
    with torch.no_grad():
        maps = model[:2](inputs)[0]
    np.testing.assert_allclose(stacks(figure, BLUE), maps, atol=1e-6)
    deep = nn.Sequential(*[nn.Conv2d(1, 1, 3, padding=1) for _ in range(30)])
    with pytest.raises(UsageError, match="too many"):
        lc.draw_network(deep, image)


class Nothing(nn.Module):
    def forward(self, x):
        return x


@pytest.mark.parametrize(
    ("model", "image"),
    [
        (lc.LeNet5(), DIGIT.float()),
        (lc.LeNet5(), DIGIT[0]),
        (lc.LeNet5(), DIGIT[None]),
        (lc.LeNet5(), DIGIT[:20, :20]),
        (lc.LeNet5(in_channels=3), DIGIT),
        (lc.SmallUNet(), DIGIT[:27]),
        (Nothing(), DIGIT),
        (nn.Flatten(), DIGIT),
    ],
)
def test_what_cannot_be_drawn_is_refused(model, image):
    model.train()
    with pytest.raises(UsageError):
        lc.draw_network(model, image)
    assert model.training
    assert not plt.get_fignums()
