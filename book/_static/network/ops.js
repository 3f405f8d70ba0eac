"use strict";
// What a network computes, operation by operation, named as PyTorch names them.
//
// A tensor is {shape: [...], data: Float32Array}, its numbers row by row as in PyTorch. There is no
// batch: an image is (channels, height, width), a vector (n). Sums are kept in JavaScript's own
// numbers (float64) and rounded once, so the results agree with PyTorch's to about 1e-6.
//
// The engine is a row of classic scripts, because `import` does not work from file://. Each adds to
// one global, `lenet`. Their order in a page: ops.js, safetensors.js, networks.js; for pictures
// also ndimage.js, resample.js, opening.js, to_mnist.js; then what is wanted of weights/. In short:
//
//   const network = lenet.loadModel("reader");     or the ArrayBuffer of a safetensors file
//   const steps = lenet.toMnist(imageData);        of a drawing's canvas, or of
//   ... await lenet.openPicture(file)              a photograph's file
//   const answer = lenet.predict(network, steps.centred);
//   answer.digit, .unsure, .probabilities, .order, and .layers: every output by name, in order
//   network.layers                                 what made them: name, kind, weight, bias, stride
//   network.facts                                  recipe, data set, test accuracy, the limit
//
// What goes wrong by a reader's doing is a lenet.CourseError, whose message is the sentence to show;
// lenet.PictureError, one of them, says that nothing is drawn. Anything else is a bug.

globalThis.lenet ??= {};
{
  // What a reader can cause: a wrong file, a blank picture.
  class CourseError extends Error {}

  function tensor(shape, data) {
    const size = shape.reduce((product, length) => product * length, 1);
    if (data.length !== size) {
      throw new CourseError(`${data.length} numbers do not fill ${shape.join(" x ")}.`);
    }
    return { shape, data: data instanceof Float32Array ? data : Float32Array.from(data) };
  }

  const zeros = (shape) => tensor(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));
  const map = (x, change) => ({ shape: x.shape, data: x.data.map(change) });

  // (c, h, w) -> (c, h + 2 padding, w + 2 padding), zeros around each map.
  function pad(x, padding) {
    if (padding === 0) return x;
    const [channels, height, width] = x.shape;
    const out = zeros([channels, height + 2 * padding, width + 2 * padding]);
    for (let row = 0; row < channels * height; row++) {
      const above = Math.floor(row / height) * 2 * padding + padding + row;
      const start = above * (width + 2 * padding) + padding;
      out.data.set(x.data.subarray(row * width, (row + 1) * width), start);
    }
    return out;
  }

  // How many windows of a size fit into a length, `stride` apart.
  function windows(length, size, stride) {
    if (size > length) throw new CourseError(`A window of ${size} does not fit into ${length}.`);
    return Math.floor((length - size) / stride) + 1;
  }

  // The number `place` of an output (maps, h', w'): its map, and the first row and column of its
  // window in the (padded) input.
  function windowAt(place, [, down, across], stride) {
    const map = Math.floor(place / (down * across));
    return [map, (Math.floor(place / across) % down) * stride, (place % across) * stride];
  }

  // x (c, h, w), weight (kernels, c, rows, columns), bias (kernels) or null -> (kernels, h', w').
  // Like PyTorch's it does not turn the kernel: strictly it is a cross-correlation.
  function conv2d(x, weight, bias = null, { stride = 1, padding = 0 } = {}) {
    const { shape, data } = pad(x, padding);
    const [channels, height, width] = shape;
    const [kernels, depth, rows, columns] = weight.shape;
    if (depth !== channels) {
      throw new CourseError(`Kernels for ${depth} maps cannot slide over ${channels}.`);
    }
    const out = zeros([kernels, windows(height, rows, stride), windows(width, columns, stride)]);
    for (let place = 0; place < out.data.length; place++) {
      const [kernel, top, left] = windowAt(place, out.shape, stride);
      let sum = bias ? bias.data[kernel] : 0;
      let next = kernel * depth * rows * columns; // of the kernel's weights
      for (let channel = 0; channel < channels; channel++) {
        for (let row = 0; row < rows; row++) {
          const start = (channel * height + top + row) * width + left;
          for (let k = 0; k < columns; k++) sum += weight.data[next++] * data[start + k];
        }
      }
      out.data[place] = sum;
    }
    return out;
  }

  // x (c, h, w), weight (c, kernels, rows, columns), bias (kernels) or null
  // -> (kernels, (h - 1) stride - 2 padding + rows, (w - 1) stride - 2 padding + columns).
  // Each value of x stamps the kernels, times that value, on the output.
  function convTranspose2d(x, weight, bias = null, { stride = 1, padding = 0 } = {}) {
    const [, kernels, rows, columns] = weight.shape;
    const down = (x.shape[1] - 1) * stride - 2 * padding + rows;
    const across = (x.shape[2] - 1) * stride - 2 * padding + columns;
    const sums = new Float64Array(kernels * down * across);
    for (let k = 0; bias && k < kernels; k++) {
      sums.fill(bias.data[k], k * down * across, (k + 1) * down * across);
    }
    const size = kernels * rows * columns; // of what one value stamps
    for (let place = 0; place < x.data.length; place++) {
      const [channel, top, left] = windowAt(place, x.shape, stride);
      for (let k = 0; k < size; k++) {
        const [kernel, i, j] = windowAt(k, [kernels, rows, columns], 1);
        const row = top - padding + i;
        const column = left - padding + j;
        if (row < 0 || row >= down || column < 0 || column >= across) continue;
        const stamp = x.data[place] * weight.data[channel * size + k];
        sums[(kernel * down + row) * across + column] += stamp;
      }
    }
    return tensor([kernels, down, across], Float32Array.from(sums));
  }

  // x (c, h, w) -> (c, h', w'): each window becomes one number, in the way that `join` says.
  function pool2d(x, size, stride, start, join) {
    const [channels, height, width] = x.shape;
    const out = zeros([channels, windows(height, size, stride), windows(width, size, stride)]);
    for (let place = 0; place < out.data.length; place++) {
      const [channel, top, left] = windowAt(place, out.shape, stride);
      let value = start;
      for (let row = top; row < top + size; row++) {
        for (let column = left; column < left + size; column++) {
          value = join(value, x.data[(channel * height + row) * width + column]);
        }
      }
      out.data[place] = value;
    }
    return out;
  }

  const maxPool2d = (x, size, stride = size) => pool2d(x, size, stride, -Infinity, Math.max);

  const avgPool2d = (x, size, stride = size) =>
    pool2d(x, size, stride, 0, (mean, value) => mean + value / size ** 2);

  // x (n), weight (m, n), bias (m) -> (m): the dense layer.
  function linear(x, weight, bias) {
    const [outputs, inputs] = weight.shape;
    if (x.data.length !== inputs) {
      throw new CourseError(`A dense layer of ${inputs} inputs cannot take ${x.data.length}.`);
    }
    const out = zeros([outputs]);
    for (let m = 0; m < outputs; m++) {
      let sum = bias ? bias.data[m] : 0;
      for (let n = 0; n < inputs; n++) sum += weight.data[m * inputs + n] * x.data[n];
      out.data[m] = sum;
    }
    return out;
  }

  // (c, h, w) -> (c h w): channel by channel, row by row.
  const flatten = (x) => tensor([x.data.length], x.data);

  const relu = (x) => map(x, (value) => Math.max(0, value));
  const tanh = (x) => map(x, Math.tanh);
  const sigmoid = (x) => map(x, (value) => 1 / (1 + Math.exp(-value)));

  // (n) -> (n): probabilities.
  function softmax(x) {
    const shift = logOfSum(x);
    return map(x, (score) => Math.exp(score - shift));
  }

  function logSoftmax(x) {
    const shift = logOfSum(x);
    return map(x, (score) => score - shift);
  }

  // log(sum(exp(x))); the largest score is taken off first, or exp() would overflow.
  function logOfSum(x) {
    const largest = x.data.reduce((a, b) => Math.max(a, b), -Infinity);
    const sum = x.data.reduce((total, score) => total + Math.exp(score - largest), 0);
    return largest + Math.log(sum);
  }

  Object.assign(lenet, {
    CourseError, tensor, zeros, pad, windowAt, conv2d, convTranspose2d, maxPool2d, avgPool2d,
    linear, flatten, relu, tanh, sigmoid, softmax, logSoftmax,
  });
}
