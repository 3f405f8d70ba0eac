"""The network in the page computes in Chromium what torch and `to_mnist` compute."""

import base64
import functools
import importlib
import json
import re
import struct
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import export_web
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch.nn import functional as F

from lenetcourse import (
    LeNet5,
    PictureError,
    activations,
    layer_table,
    load_dataset,
    load_model,
    save_model,
    to_mnist,
)
from lenetcourse.data.datasets import DatasetError
from lenetcourse.data.pictures import example_pictures
from lenetcourse.models.vae import VAE
from lenetcourse.train.rejection import is_unsure

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "benchmarks"))  # last: it has a module named as one of tools/
network_page = importlib.import_module("network_page")
PAGE = ROOT / network_page.PAGE
TOLERANCE = network_page.TOLERANCE
# What a page calls, with every outcome as a value: an exception of the browser stays one.
SENTENCE = """(call) => {
    try {
        return { value: call() };
    } catch (error) {
        if (!(error instanceof lenet.CourseError)) throw error;
        return { sentence: error.message };
    }
}"""


def opened(browser, address, wrong):
    """Open the test page, with requests to other places refused and noted in `wrong`."""
    page = browser.new_page()

    def local_only(route):
        if route.request.url.startswith((address.rsplit("/tests/")[0], "data:")):
            route.continue_()
        else:
            wrong.append(route.request.url)
            route.abort()

    page.route("**/*", local_only)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto(address)
    page.evaluate(f"() => {{ window.attempt = {SENTENCE}; }}")
    return page


@pytest.fixture(scope="module")
def page(browser):
    wrong = []
    page = opened(browser, PAGE.as_uri(), wrong)
    yield page
    assert not wrong


# The page and the scripts in it


class UnderAPath(SimpleHTTPRequestHandler):
    """Serves the course below /some/course/, and nothing else."""

    def do_GET(self):
        if not self.path.startswith("/some/course/"):
            self.send_error(404)
            return
        self.path = self.path.removeprefix("/some/course")
        super().do_GET()

    def log_message(self, *args):
        pass


def test_page_works_from_a_server_under_a_path(browser):
    handler, wrong = functools.partial(UnderAPath, directory=str(ROOT)), []
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = (
            f"http://127.0.0.1:{server.server_port}/some/course/{network_page.PAGE.as_posix()}"
        )
        page = opened(browser, address, wrong)
        assert page.evaluate("() => lenet.loadModel('reader').kernels") == [6, 16]
        page.close()
        server.shutdown()
    assert wrong == []


def test_engine_makes_one_global(page):
    own = "(before) => Object.keys(window).filter((name) => !before.includes(name))"
    empty = page.context.browser.new_page()
    names = empty.evaluate("() => Object.keys(window)")
    for path in page.eval_on_selector_all("script[src]", "all => all.map((one) => one.src)"):
        empty.add_script_tag(content=Path(path.removeprefix("file://")).read_text("utf-8"))
    assert empty.evaluate(own, names) == ["lenet"]
    # A function, a constant or a class at the top of a classic script is no property of window.
    assert empty.evaluate("() => typeof conv2d + typeof CourseError + typeof filled") == (
        "undefined" * 3
    )
    empty.close()


def test_scripts_are_what_the_weights_say():
    assert export_web.differences(ROOT) == []


def test_changed_weights_are_noticed(tmp_path, monkeypatch, capsys):
    other = LeNet5()
    (tmp_path / "weights").mkdir()
    for name in export_web.OWN_WEIGHTS:
        save_model(other, tmp_path / "weights" / f"{name}.safetensors")
    monkeypatch.setattr(export_web.resources, "files", lambda _: tmp_path)
    assert export_web.main([], tmp_path) == 0
    assert export_web.main(["--check"], tmp_path) == 0
    save_model(LeNet5(), tmp_path / "weights" / "reader.safetensors")
    assert export_web.main(["--check"], tmp_path) == 1
    assert "weights/reader.js: differs from its weights" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["missing", "large", "huge"])
def test_unusable_weights_are_named(tmp_path, damage):
    path = tmp_path / "one.safetensors"
    if damage == "large":
        save_model(LeNet5((30, 60)), path)
    elif damage == "huge":
        model = LeNet5()
        model.fc3.bias.data[0] = 1e6
        save_model(model, path)
    reason = {"missing": "no such weights", "large": "at most", "huge": "too large for float16"}
    with pytest.raises(export_web.Unusable, match=reason[damage]):
        export_web.script("one", path)


# The operations


def numbers(shape):
    """Return a strategy for tensors: their seed decides, so that a failure is short to print."""
    return st.integers(0, 99).map(
        lambda seed: torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    )


@st.composite
def cases(draw):
    """Draw an operation: its name, its tensors, its options, what torch says."""
    name = draw(st.sampled_from(sorted(TORCH)))
    channels, height, width = (draw(st.integers(1, top)) for top in (3, 9, 9))
    if name in ("linear", "softmax", "logSoftmax"):
        outputs = draw(st.integers(1, 6))
        shapes = [(width,), (outputs, width), (outputs,)][: 3 if name == "linear" else 1]
        return name, [draw(numbers(shape)) for shape in shapes], {}
    kernels, stride = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    padding = draw(st.integers(0, 2))
    rows, columns = (draw(st.integers(1 + padding, padding + side)) for side in (height, width))
    x = draw(numbers((channels, height, width)))
    if name in ("maxPool2d", "avgPool2d"):
        return name, [x], {"size": draw(st.integers(1, min(height, width))), "stride": stride}
    if not name.startswith("conv"):
        return name, [20 * x], {}
    first = (channels, kernels) if name == "convTranspose2d" else (kernels, channels)
    if name == "convTranspose2d":  # what padding cuts off must leave something
        rows, columns = rows + padding, columns + padding
    tensors = [x, draw(numbers((*first, rows, columns))), draw(numbers((kernels,)))]
    return name, tensors, {"stride": stride, "padding": padding}


TORCH = {
    "conv2d": F.conv2d,
    "convTranspose2d": F.conv_transpose2d,
    "maxPool2d": lambda x, size, stride: F.max_pool2d(x, size, stride),
    "avgPool2d": lambda x, size, stride: F.avg_pool2d(x, size, stride),
    "linear": F.linear,
    "flatten": torch.flatten,
    "relu": F.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: F.softmax(x, 0),
    "logSoftmax": lambda x: F.log_softmax(x, 0),
}
RUN = """(cases) => cases.map(([name, tensors, options]) => {
    const inputs = tensors.map(([shape, data]) => lenet.tensor(shape, data));
    const pooling = name.endsWith("Pool2d");
    const more = pooling ? [options.size, options.stride] : [options];
    const { shape, data } = lenet[name](...inputs, ...(name.includes("2d") ? more : []));
    return [shape, [...data]];
})"""


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(cases(), min_size=10, max_size=30))
def test_operations_compute_what_torch_computes(page, drawn):
    sent = [
        (name, [(list(t.shape), t.flatten().tolist()) for t in tensors], options)
        for name, tensors, options in drawn
    ]
    for (name, tensors, options), (shape, data) in zip(
        drawn, page.evaluate(RUN, sent), strict=True
    ):
        expected = TORCH[name](*tensors, **options)
        assert list(expected.shape) == shape, name
        torch.testing.assert_close(
            torch.tensor(data, dtype=torch.float32).reshape(shape),
            expected,
            rtol=1e-5,
            atol=1e-5,
            msg=name,
        )


def test_large_scores_do_not_overflow(page):
    scores = [1000.0, 999.0, -1000.0]
    found = page.evaluate("(x) => [...lenet.softmax(lenet.tensor([3], x)).data]", scores)
    assert found == pytest.approx(torch.tensor(scores).softmax(0).tolist(), abs=1e-6)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            "lenet.conv2d(lenet.zeros([1, 3, 3]), lenet.zeros([1, 1, 5, 5]))",
            "5 does not fit into 3",
        ),
        ("lenet.conv2d(lenet.zeros([2, 5, 5]), lenet.zeros([1, 1, 5, 5]))", "1 maps .* over 2"),
        ("lenet.linear(lenet.zeros([3]), lenet.zeros([2, 4]), null)", "4 inputs cannot take 3"),
        ("lenet.tensor([2, 2], [1, 2, 3])", "3 numbers do not fill 2 x 2"),
        ("lenet.loadModel('nobody')", "no weights .nobody"),
    ],
)
def test_operations_that_cannot_be_are_refused(page, call, said):
    assert re.search(said, page.evaluate(f"() => attempt(() => {call})")["sentence"])


# The networks


@pytest.fixture(scope="module")
def digits():
    """Return 500 test images: MNIST's where it is at hand, else the embedded ones (359)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENETCOURSE_OFFLINE", "1")
        try:
            return load_dataset("mnist", "test").images[:500].numpy()
        except DatasetError:
            return load_dataset("digits", "test").images[:500].numpy()


@pytest.mark.parametrize("name", export_web.OWN_WEIGHTS)
def test_every_layer_agrees_with_torch_on_test_digits(page, name, digits):
    differences, classes = network_page.layer_differences(page, name, digits)
    assert list(differences) == [row.name for row in layer_table(load_model(name)[0])]
    assert max(differences.values()) < TOLERANCE
    assert classes == 0


@pytest.mark.parametrize(("kernels", "conv3"), [((1, 1), False), ((3, 8), False), ((7, 5), True)])
def test_networks_of_any_size_agree_with_torch(page, tmp_path, digits, kernels, conv3):
    torch.manual_seed(0)
    model = LeNet5(kernels, conv3=conv3)
    found = layers_of_file(page, model, tmp_path, digits[0])
    expected = activations(model, torch.from_numpy(digits[:1, None]).float() / 255)
    assert list(found) == list(expected)
    for name, values in expected.items():
        torch.testing.assert_close(torch.tensor(found[name]), values[0].flatten())


def layers_of_file(page, model, folder, image):
    """Return every layer with weights: name -> values, of a file that the course wrote."""
    save_model(model, folder / "one.safetensors")
    return page.evaluate(
        """([file, image]) => {
            const network = lenet.loadModel(fromBase64(file).buffer);
            const layers = network.forward(lenet.asInput({ data: fromBase64(image) }));
            const weighted = network.layers.filter(({ weight }) => weight);
            return Object.fromEntries(weighted.map(({ name }) => [name, [...layers[name].data]]));
        }""",
        [network_page.encoded(path_bytes(folder / "one.safetensors")), network_page.encoded(image)],
    )


def path_bytes(path):
    return np.frombuffer(path.read_bytes(), np.uint8)


@pytest.mark.parametrize("sample", [True, False])
def test_vae_agrees_with_torch(page, tmp_path, digits, sample):
    torch.manual_seed(0)
    model = VAE(latent=2, hidden=30, sample=sample).eval()
    save_model(model, tmp_path / "vae.safetensors")
    noise = [0.5, -1.5]
    found = page.evaluate(
        """([file, image, noise]) => {
            const network = lenet.loadModel(fromBase64(file).buffer);
            const drawn = network.sample ? lenet.tensor([2], noise) : null;
            const layers = network.forward(lenet.asInput({ data: fromBase64(image) }), drawn);
            return Object.entries(layers).map(([name, { data }]) => [name, [...data]]);
        }""",
        [
            network_page.encoded(path_bytes(tmp_path / "vae.safetensors")),
            network_page.encoded(digits[0]),
            noise,
        ],
    )
    assert [name for name, _ in found if name not in ("latent", "image")] == list(
        activations(model, torch.zeros(1, 1, 28, 28))
    )
    found = {name: torch.tensor(values) for name, values in found}
    with torch.no_grad():
        mu, logvar = model.encode(torch.from_numpy(digits[:1, None]).float() / 255)
        latent = mu + (torch.exp(0.5 * logvar) * torch.tensor(noise) if sample else 0)
        scores = model.decode(latent)
    expected = {"mu": mu, "logvar": logvar, "latent": latent, "decoder": scores}
    for name, values in (expected | {"image": scores.sigmoid()}).items():
        torch.testing.assert_close(found[name], values[0], rtol=1e-4, atol=1e-5)


def test_unsure_is_what_predict_calls_so(page):
    random = torch.Generator().manual_seed(0)
    rows = (3 * torch.randn(300, 10, generator=random)).softmax(1)
    for name in export_web.OWN_WEIGHTS:
        facts = load_model(name)[1]
        found = page.evaluate(
            """([name, rows]) => rows.map((row) =>
                lenet.isUnsure(Float32Array.from(row), lenet.weights[name].metadata))""",
            [name, rows.tolist()],
        )
        assert found == [is_unsure(row[None], facts) for row in rows]
    assert set(found) == {None} or set(found) == {True, False}


# Pictures


def test_drawings_agree(page, tmp_path):
    made = network_page.drawings(100)
    fields, pngs = network_page.converted_drawings(page, made, 64)
    differences, classes = network_page.layer_differences(page, "reader", fields)
    assert max(differences.values()) < TOLERANCE
    assert classes == 0
    few = slice(0, 100, 20)
    np.testing.assert_array_equal(network_page.by_library(pngs[few], tmp_path), fields[few])


def test_pictures_agree(page, tmp_path):
    """Some of them: `benchmarks/network_page.py` compares all."""
    files = network_page.picture_files(1)[:10:2]  # of ten manners
    own = example_pictures()
    files += [own[name].read_bytes() for name in ("small_28x28_1", "pen_shadow_2", "phone_large_9")]
    fields, expected = network_page.converted_files(page, files), []
    expected = network_page.by_library(files, tmp_path)
    # Pillow decodes a large JPEG at a smaller scale; the browser keeps transparent colours roughly.
    levels = np.abs(fields.astype(int) - expected).max((1, 2))
    assert (levels[:-1] <= 2).all()
    assert levels[-1] <= 16
    differences, classes = network_page.layer_differences(page, "reader", fields)
    assert max(differences.values()) < TOLERANCE
    assert classes == 0


def scribble(random):
    """Return RGBA pixels of a few strokes, strong and faint, in noise, bad light or on nothing."""
    height, width = random.integers(20, 70, 2)
    if random.random() < 0.2:  # more than the conversion works with
        width = int(random.integers(330, 1400))
        height = min(height, 30)
    row, column = np.mgrid[:height, :width]
    ink = np.zeros((height, width))
    for _ in range(random.integers(1, 5)):
        (y, x), (b, a) = random.uniform(0, 1, (2, 2)) * (height, min(width, 60))
        along = np.clip(
            ((row - y) * (b - y) + (column - x) * (a - x)) / ((b - y) ** 2 + (a - x) ** 2), 0, 1
        )
        distance = np.hypot(row - y - along * (b - y), column - x - along * (a - x))
        stroke = np.clip(random.uniform(1, 4) + 0.5 - distance, 0, 1)
        ink = np.maximum(ink, stroke * random.choice([1, 0.8, 0.45, 0.3]))
    paper = 220 + random.uniform(-30, 30) * row / height + random.uniform(-30, 30) * column / width
    grey = (
        paper - ink * random.uniform(5, 180) + random.normal(0, random.choice([0, 1, 5]), ink.shape)
    )
    pixels = np.clip(grey, 0, 255)[..., None].repeat(4, 2)
    pixels[..., :3] += random.uniform(-9, 9, 3)
    alpha = random.integers(3)  # all to be seen, the strokes only, or everything in part
    pixels[..., 3] = (255, 255 * ink, random.uniform(5, 250))[alpha]
    return np.clip(pixels if random.random() < 0.7 else 255 - pixels, 0, 255).astype(np.uint8)


def test_any_pixels_become_what_to_mnist_makes_of_them(page):
    random = np.random.default_rng(0)
    made = [scribble(random) for _ in range(120)]
    found = page.evaluate(
        """(all) => all.map(([width, height, pixels]) =>
            attempt(() => centred({ width, height, data: fromBase64(pixels) })))""",
        [[one.shape[1], one.shape[0], network_page.encoded(one)] for one in made],
    )
    refused = 0
    for pixels, answer in zip(made, found, strict=True):
        try:
            expected = to_mnist(pixels).numpy()
        except PictureError:
            assert "No ink found" in answer["sentence"]
            refused += 1
        else:
            np.testing.assert_array_equal(network_page.fields([answer["value"]])[0], expected)
    assert 0 < refused < 60


@pytest.mark.parametrize("grey", [0, 128, 255])
@pytest.mark.parametrize("alpha", [0, 255])
def test_blank_picture_gets_a_sentence(page, grey, alpha):
    found = page.evaluate(
        """([grey, alpha]) => attempt(() => {
            const data = new Uint8ClampedArray(40 * 30 * 4).fill(grey).map(
                (value, k) => (k % 4 === 3 ? alpha : value));
            return lenet.toMnist({ width: 40, height: 30, data });
        })""",
        [grey, alpha],
    )
    assert found == {
        "sentence": "No ink found: the picture is blank or too faint; write with a thick dark pen."
    }


def test_file_that_is_no_picture_gets_a_sentence(page):
    found = page.evaluate(
        """async () => {
            try {
                await lenet.openPicture(new Blob(["no picture"]));
            } catch (error) {
                return [error instanceof lenet.PictureError, error.message];
            }
        }"""
    )
    assert found == [
        True, "This is not a picture that can be read: save it as PNG or JPEG."
    ]  # fmt: skip


# Files of weights


def file_of(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tried(page, files):
    """Return for each file the kind of network that the page makes of it, or its sentence."""
    return page.evaluate(
        """(files) => files.map((file) =>
            attempt(() => lenet.loadModel(fromBase64(file).buffer).kind))""",
        [base64.b64encode(file).decode() for file in files],
    )


ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
BAD_FILES = {
    "0 bytes is too short": b"",
    "longer than the file": struct.pack("<Q", 1 << 60) + b"{}",
    "header is not JSON": file_of(b"\xff{}", b"1234"),
    "names no tensors": file_of([1], b"1234"),
    "says nothing of “a”": file_of({"a": 3}),
    "type “BF16”": file_of({"a": ONE | {"dtype": "BF16"}}, b"1234"),
    "type “toString”": file_of({"a": ONE | {"dtype": "toString"}}, b"1234"),
    "no shape of whole numbers": file_of({"a": ONE | {"shape": [1.5]}}, b"1234"),
    "does not say where": file_of({"a": ONE | {"data_offsets": [0]}}, b"1234"),
    "outside the file": file_of({"a": ONE}, b"12"),
    "bytes do not fit that": file_of({"a": ONE | {"shape": [2]}}, b"1234"),
    "overlap others, or leave a gap": file_of({"a": ONE, "b": ONE}, b"1234"),
    "goes on after": file_of({"a": ONE}, b"12345678"),
    "weights of no network of this page": file_of({"a": ONE}, b"1234"),
    "is no finite number": file_of({"a": ONE}, b"\xff" * 4),
}


@pytest.mark.parametrize("said", BAD_FILES)
def test_bad_file_gets_a_sentence(page, said):
    (found,) = tried(page, [BAD_FILES[said]])
    assert said in found["sentence"]


def test_weights_of_something_else_get_a_sentence(page):
    weights = {name: value.clone() for name, value in LeNet5().state_dict().items()}
    colour = LeNet5(in_channels=3).state_dict()
    large = LeNet5(input_size=32).state_dict()
    half = {name: value for name, value in weights.items() if name != "fc2.bias"}
    files = [save(one) for one in (colour, large, half, weights | {"more": torch.zeros(1)})]
    files.append(save({"net.0.weight": torch.zeros(2)}, {"lenetcourse": '{"model": "MLP"}'}))
    said = [
        "“conv1.weight” is 6 x 3 x 5 x 5 and would have to be 6 x 1 x 5 x 5",
        "“fc1.weight” is 120 x 400 and would have to be 120 x 256",
        "“fc2.bias” is missing",
        "“more” has no place",
        "weights of “MLP”",
    ]
    for found, words in zip(tried(page, files), said, strict=True):
        assert words in found["sentence"]


def test_float16_is_read(page):
    weights = {name: value.half() for name, value in LeNet5().state_dict().items()}
    weights["fc3.bias"] = torch.tensor(
        [0, -0.0, 6e-8, 6.1e-5, 1, -2, 65504, 0.1, 3e-5, 1 / 3]
    ).half()
    found = page.evaluate(
        "(file) => [...lenet.readSafetensors(fromBase64(file).buffer).tensors['fc3.bias'].data]",
        base64.b64encode(save(weights)).decode(),
    )
    assert found == weights["fc3.bias"].float().tolist()


def mutated(file, random):
    """Return the file with something wrong in it: cut off, bytes changed, or its header."""
    length = 8 + struct.unpack("<Q", file[:8])[0]
    manner = random.integers(4)
    if manner == 0:
        return file[: random.integers(len(file))]
    if manner == 1:  # anywhere in the header, or in its length
        changed = bytearray(file)
        for place in random.integers(0, length, random.integers(1, 4)):
            changed[place] = random.integers(256)
        return bytes(changed)
    header = json.loads(file[8:length])
    entry = header[list(header)[random.integers(len(header))]]
    values = [0, -1, 1e300, 2**53, 1.5, None, "F32", "F64", [], [0], [0, 4], [2**31, 2**31], {}]
    key = list(entry)[random.integers(len(entry))]
    if manner == 2 or not isinstance(entry[key], list) or not entry[key]:
        entry[key] = values[random.integers(len(values))]
    else:
        entry[key][random.integers(len(entry[key]))] = values[random.integers(6)]
    return file_of(header, file[length:])


def test_1000_damaged_files_are_read_or_get_a_sentence(page):
    random = np.random.default_rng(0)
    weights = {name: torch.ones(1) for name in ("conv1.weight", "conv2.weight", "fc3.weight")}
    whole = save(weights | {"é": torch.ones(2, 3).half()}, {"lenetcourse": '{"model": "LeNet5"}'})
    files = [mutated(whole, random) for _ in range(1000)]
    calls = "attempt(() => Object.keys(lenet.readSafetensors(buffer).tensors))"
    found = page.evaluate(
        f"""(files) => files.map((file) => {{
            const buffer = fromBase64(file).buffer;
            return [{calls}, attempt(() => lenet.loadModel(buffer).kind)];
        }})""",
        [base64.b64encode(file).decode() for file in files],
    )
    read = 0
    for file, (tensors, network) in zip(files, found, strict=True):
        assert re.fullmatch(r"[A-Z“][^\n]{20,200}[.?]", network["sentence"])
        if "sentence" in tensors:
            assert tensors == network
            continue
        read += 1
        try:  # what is read here must be a file for the reference, too
            assert sorted(load(file)) == sorted(tensors["value"])
        except SafetensorError as error:
            pytest.fail(f"{error}: {file}")
    assert 20 < read < 800
