"use strict";
// A kernel on its way over an image, as the page "Slide a kernel" shows it: the whole map, and one
// window at a time. Chapter 01 has the same in Python, and the same words.

{
  const { CourseError, tensor } = lenet;

  // What may follow the convolution: the side of its squares, and the operation.
  const POOLINGS = {
    none: { label: "none", size: 1, pool: null },
    max2: { label: "largest of 2x2", size: 2, pool: lenet.maxPool2d },
    average2: { label: "mean of 2x2", size: 2, pool: lenet.avgPool2d },
    max4: { label: "largest of 4x4", size: 4, pool: lenet.maxPool2d },
    average4: { label: "mean of 4x4", size: 4, pool: lenet.avgPool2d },
  };

  // (k, k) -> (k, k), turned by 180 degrees: all its numbers backwards.
  const turned = (kernel) => tensor(kernel.shape, Float32Array.from(kernel.data).reverse());

  // (h, w) -> (h + 2 padding, w + 2 padding). A kernel of a single 1 copies, with the frame of zeros.
  const padded = (image, padding) =>
    flat(lenet.conv2d(deep(image), tensor([1, 1, 1, 1], [1]), null, { padding }));

  // image (h, w), kernel (k, k) -> every map on the way, each (rows, columns):
  //   input   the image in its frame of zeros
  //   laid    the kernel as it is laid on the image: turned, for the convolution of mathematics
  //   map     sum of the products at each place, plus bias
  //   active  the same after ReLU, where it is wanted
  //   pooled  one number for each square of `active`, or null
  // and what was asked for. Raises CourseError where the kernel or the pooling does not fit.
  function slide(image, kernel, options = {}) {
    const { bias = 0, stride = 1, padding = 0, convolution = false, relu = false, pooling = "none" } = options;
    const input = padded(image, padding), laid = convolution ? turned(kernel) : kernel;
    const weight = tensor([1, 1, ...laid.shape], laid.data);
    const map = flat(lenet.conv2d(deep(input), weight, tensor([1], [bias]), { stride }));
    const active = relu ? lenet.relu(map) : map;
    const { size, pool } = POOLINGS[pooling];
    const pooled = pool ? flat(pool(deep(active), size)) : null;
    return { input, laid, map, active, pooled, size, bias, stride, padding, convolution, relu, pooling };
  }

  // What happens at one place of the map: window and products (k, k), their sum, and the map's value.
  function windowAt({ input, laid, map, active, stride }, row, column) {
    const [side] = laid.shape, width = input.shape[1];
    const window = laid.data.map((_, k) =>
      input.data[(row * stride + Math.floor(k / side)) * width + column * stride + (k % side)]);
    const products = window.map((value, k) => value * laid.data[k]);
    const place = row * map.shape[1] + column;
    return {
      window: tensor(laid.shape, window),
      products: tensor(laid.shape, products),
      sum: products.reduce((sum, product) => sum + product, 0),
      value: map.data[place],
      active: active.data[place],
    };
  }

  // Which square of the pooled map a place of the map belongs to: [row, column], or null where the
  // squares do not reach.
  function squareOf({ pooled, size }, row, column) {
    if (!pooled) return null;
    const square = [Math.floor(row / size), Math.floor(column / size)];
    return square.every((place, k) => place < pooled.shape[k]) ? square : null;
  }

  // The place in the map whose window has its middle nearest to a pixel of the input: [row, column].
  function placeUnder({ map, laid, stride }, row, column) {
    const half = (laid.shape[0] - 1) / 2;
    return [row, column].map((pixel, k) => clipped(Math.round((pixel - half) / stride), map.shape[k]));
  }

  // The pixel of the image, without its frame, under the middle of a window: [row, column].
  const middleOf = ({ laid, stride, padding }, place) =>
    place.map((step) => step * stride + (laid.shape[0] - 1) / 2 - padding);

  // The largest and the smallest of the first `known` values of a map: {row, column, value} each. Of
  // equal ones, the first.
  function extremes({ shape: [, width], data }, known = Infinity) {
    const values = data.subarray(0, Math.max(1, Math.min(known, data.length)));
    const at = (value) => {
      const place = values.indexOf(value);
      return { row: Math.floor(place / width), column: place % width, value };
    };
    const join = (choose) => at(values.reduce((one, other) => choose(one, other)));
    return { largest: join(Math.max), smallest: join(Math.min) };
  }

  // A kernel in another size, its middle kept: a frame of zeros more, or a frame less.
  function resized(kernel, side) {
    const [old] = kernel.shape, first = (old - side) / 2;
    return tensor([side, side], Array.from({ length: side * side }, (_, k) => {
      const row = Math.floor(k / side) + first, column = (k % side) + first;
      return Math.min(row, column) < 0 || Math.max(row, column) >= old ? 0 : kernel.data[row * old + column];
    }));
  }

  // (h, w) -> (h, w), moved by whole pixels. What leaves on one side comes back on the other, as
  // torch.roll does it: with an empty margin around a digit, nothing does.
  function moved(image, down, right) {
    const [height, width] = image.shape, around = (place, length) => ((place % length) + length) % length;
    return tensor(image.shape, image.data.map((_, k) => {
      const row = around(Math.floor(k / width) - down, height), column = around((k % width) - right, width);
      return image.data[row * width + column];
    }));
  }

  const clipped = (place, length) => Math.min(length - 1, Math.max(0, place));
  const deep = ({ shape, data }) => tensor([1, ...shape], data); // (h, w) -> (1, h, w)
  const flat = ({ shape, data }) => tensor(shape.slice(1), data); // (1, h, w) -> (h, w)

  // As it is written by hand: two decimals at most, no zeros at the end, a true minus.
  function written(value, decimals = 2) {
    const text = String(Number(value.toFixed(decimals)));
    return (text === "-0" ? "0" : text).replace("-", "−");
  }

  // A number that somebody typed: 2, −0.5, 0,5 or 1/9. Raises CourseError for anything else, and for
  // what would be no kernel to look at.
  function typed(text) {
    if (text.trim() === "") throw new CourseError("An empty field is no number.");
    const parts = text.replaceAll("−", "-").replaceAll(",", ".").split("/").map((part) => part.trim());
    const [above, below = 1] = parts.map((part) => (part === "" ? NaN : Number(part)));
    if (parts.length > 2 || !Number.isFinite(above / below)) throw new CourseError(`“${text.slice(0, 12)}” is no number.`);
    if (Math.abs(above / below) > 99) throw new CourseError(`“${text.slice(0, 12)}”: numbers go from −99 to 99 here.`);
    return above / below;
  }

  lenet.sliding = {
    POOLINGS, turned, padded, slide, windowAt, squareOf, placeUnder, middleOf, extremes, resized, moved, written, typed,
  };
}
