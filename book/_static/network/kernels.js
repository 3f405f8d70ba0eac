"use strict";
// Kernels with a name, and the images over which the page "Slide a kernel" slides them.

{
  const { tensor } = lenet;

  const kernel = (...rows) => tensor([rows.length, rows.length], rows.flat());
  const even = (side) => tensor([side, side], new Float32Array(side * side).fill(1 / side ** 2));

  // Those of chapter 01 are named after the direction of the edges that they find.
  const PRESETS = {
    vertical: { label: "edges: vertical", kernel: kernel([-1, 0, 1], [-1, 0, 1], [-1, 0, 1]) },
    horizontal: { label: "edges: horizontal", kernel: kernel([-1, -1, -1], [0, 0, 0], [1, 1, 1]) },
    rising: { label: "edges: rising", kernel: kernel([-1, -1, 0], [-1, 0, 1], [0, 1, 1]) },
    falling: { label: "edges: falling", kernel: kernel([0, -1, -1], [1, 0, -1], [1, 1, 0]) },
    laplace: { label: "Laplace: edges of any direction", kernel: kernel([0, 1, 0], [1, -4, 1], [0, 1, 0]) },
    corner: { label: "corner: lower right", kernel: kernel([1, 1, -1], [1, 1, -1], [-1, -1, 0]) },
    identity: { label: "identity", kernel: kernel([0, 0, 0], [0, 1, 0], [0, 0, 0]) },
    moving: { label: "identity, one pixel aside", kernel: kernel([0, 0, 0], [0, 0, 1], [0, 0, 0]) },
    sharpen: { label: "sharpen", kernel: kernel([0, -1, 0], [-1, 5, -1], [0, -1, 0]) },
    blur3: { label: "blur, 3x3", kernel: even(3) },
    blur5: { label: "blur, 5x5", kernel: even(5) },
  };

  // The kernels of the first layer of a LeNet-5, weight (6, 1, 5, 5) and bias (6), in the same form.
  function learnedKernels(network) {
    const { weight, bias } = network.layers[0], [count, , side] = weight.shape;
    return Object.fromEntries(Array.from({ length: count }, (_, k) => {
      const data = weight.data.slice(k * side * side, (k + 1) * side * side);
      const entry = { label: `LeNet-5, first layer, kernel ${k + 1}`, kernel: tensor([side, side], data), bias: bias.data[k] };
      return [`lenet${k + 1}`, entry];
    }));
  }

  // Chapter 01's: the lower end of a thick stroke.
  const STROKE = tensor([5, 5], [0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);

  // Squares of `square` pixels, (side, side), black at the top left.
  const checkerboard = (side, square) =>
    tensor([side, side], Array.from({ length: side * side }, (_, k) =>
      (Math.floor(Math.floor(k / side) / square) + Math.floor((k % side) / square) + 1) % 2));

  // Bytes from 0 to 255 -> (side, side) in [0, 1].
  const shares = (side, bytes) => tensor([side, side], Float32Array.from(bytes, (value) => value / 255));

  // A photograph's numbers are brightness: 0 is black. All others are ink: 0 is paper.
  function photograph(name) {
    const { side, bytes } = lenet.photographs[name];
    return shares(side, Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0)));
  }

  // A drawing, ImageData of dark ink on white -> (28, 28) in [0, 1], each the mean of its pixels.
  function drawing({ width, data }, side = 28) {
    const step = width / side, sums = new Float64Array(side * side);
    for (let at = 0; at < data.length; at += 4) {
      const row = Math.floor(at / 4 / width / step), column = Math.floor(((at / 4) % width) / step);
      sums[row * side + column] += (255 - data[at]) / 255;
    }
    return tensor([side, side], Float32Array.from(sums, (sum) => sum / step ** 2));
  }

  // name -> {label, image (h, w) in [0, 1], light: whether 0 is black}.
  function images() {
    const digits = lenet.page.exampleDigits().map(({ shape, data }, digit) =>
      [`digit${digit}`, { label: `digit ${digit}`, image: shares(shape[0], data) }]);
    return {
      stroke: { label: "end of a stroke, 5x5 (chapter 01)", image: STROKE },
      ...Object.fromEntries(digits),
      checkerboard: { label: "checkerboard", image: checkerboard(24, 4) },
      temple: { label: "photograph: temple", image: photograph("temple"), light: true },
      flower: { label: "photograph: flower", image: photograph("flower"), light: true },
      drawing: { label: "your own drawing", image: lenet.zeros([28, 28]) },
    };
  }

  Object.assign(lenet.sliding, { PRESETS, learnedKernels, images, drawing });
}
