"use strict";
// Reverse-mode automatic differentiation: lenetcourse.train.autograd of chapter 00, function by
// function. The second half is what NumPy does for the forty lines of Python.
//
// An array is {shape: [...], data: Float64Array}, its numbers row by row. They are float64, as
// NumPy's are, so that the gradients are those of the library to about 1e-15.

globalThis.lenet ??= {};
{
  // An array that knows how it was made, so that gradients find their way back through it.
  // `passBack` maps the gradient of the loss for this value to one gradient for each parent.
  class Node {
    constructor(value, parents = [], passBack = null) {
      this.value = value;
      this.gradient = zeros(value.shape);
      this.parents = parents;
      this.passBack = passBack;
    }
  }

  // a + b; shapes as NumPy broadcasts them.
  const add = (a, b) => new Node(combine(a.value, b.value, (x, y) => x + y), [a, b], (g) => [g, g]);

  // a * b, number by number; shapes as NumPy broadcasts them.
  const multiply = (a, b) =>
    new Node(times(a.value, b.value), [a, b], (g) => [times(g, b.value), times(g, a.value)]);

  // The matrix product of a, (n, m), and b, (m, k): (n, k).
  const matmul = (a, b) =>
    new Node(product(a.value, b.value), [a, b], (g) => [
      product(g, transposed(b.value)), // (n, k) times (k, m)
      product(transposed(a.value), g), // (m, n) times (n, k)
    ]);

  // a with zeros in place of what is below zero; no gradient passes there.
  function relu(a) {
    const passed = (g) => combine(g, a.value, (slope, x) => (x > 0 ? slope : 0));
    return new Node(map(a.value, (x) => Math.max(x, 0)), [a], (g) => [passed(g)]);
  }

  // The mean over n examples of -log p(label), p the softmax of scores (n, classes); one number.
  function crossEntropy(scores, labels) {
    const { shape: [n, classes], data } = scores.value;
    const slope = zeros([n, classes]); // p - y
    let loss = 0;
    for (let row = 0; row < n; row++) {
      const some = data.subarray(row * classes, (row + 1) * classes);
      const largest = some.reduce((a, b) => Math.max(a, b)); // taken off: no overflow, same shares
      const powers = some.map((score) => Math.exp(score - largest));
      const sum = powers.reduce((a, b) => a + b);
      slope.data.set(powers.map((power) => power / sum), row * classes);
      loss -= Math.log(powers[labels[row]] / sum) / n;
      slope.data[row * classes + labels[row]] -= 1;
    }
    return new Node(array([], [loss]), [scores], (g) => [map(slope, (value) => (g.data[0] * value) / n)]);
  }

  // Add to the gradient of every node the slope of `loss`, a single number, in its value. Call it
  // once for a graph: like in PyTorch, a second call would count what lies between twice.
  function backward(loss) {
    const order = [];
    function visit(node) {
      if (order.includes(node)) return;
      node.parents.forEach(visit);
      order.push(node);
    }
    visit(loss);
    loss.gradient = array([], [1]);
    for (const node of order.reverse()) {
      if (!node.parents.length) continue;
      const gradients = node.passBack(node.gradient);
      node.parents.forEach((parent, k) => {
        const one = sumTo(gradients[k], parent.value.shape).data;
        for (let place = 0; place < one.length; place++) parent.gradient.data[place] += one[place];
      });
    }
  }

  // The gradient for an array of `shape` that was broadcast: summed over its copies.
  function sumTo(gradient, shape) {
    if (sizeOf(shape) === gradient.data.length) return gradient; // there is one copy
    const out = zeros(shape);
    gradient.data.forEach((value, place) => (out.data[origin(place, gradient.shape, shape)] += value));
    return out;
  }

  // What NumPy does

  const sizeOf = (shape) => shape.reduce((size, length) => size * length, 1);
  const zeros = (shape) => ({ shape, data: new Float64Array(sizeOf(shape)) });
  const map = ({ shape, data }, change) => ({ shape, data: data.map(change) });

  function array(shape, numbers) {
    if (numbers.length !== sizeOf(shape)) {
      throw new Error(`${numbers.length} numbers do not fill (${shape.join(", ")})`);
    }
    return { shape, data: Float64Array.from(numbers) };
  }

  // operation(a, b), number by number. Lengths are compared from the last axis on; where one array
  // has a length of 1, or no such axis, its numbers are repeated.
  function combine(a, b, operation) {
    const [long, short] = a.shape.length < b.shape.length ? [b.shape, a.shape] : [a.shape, b.shape];
    const shape = long.map((length, axis) => {
      const other = short[axis - long.length + short.length] ?? 1;
      if (length !== other && length !== 1 && other !== 1) {
        throw new Error(`(${a.shape.join(", ")}) and (${b.shape.join(", ")}) do not fit`);
      }
      return length === 1 ? other : length;
    });
    const out = zeros(shape), [first, second] = [a, b].map((one) => repeated(one, shape));
    for (let place = 0; place < out.data.length; place++) out.data[place] = operation(first[place], second[place]);
    return out;
  }

  const times = (a, b) => combine(a, b, (x, y) => x * y);

  // The numbers of an array, repeated so that they fill `shape`.
  function repeated({ shape: own, data }, shape) {
    const size = sizeOf(shape);
    if (size === data.length) return data;
    return Float64Array.from({ length: size }, (_, place) => data[origin(place, shape, own)]);
  }

  // Where in an array of shape `own` the number lies that was repeated to `place` of `shape`.
  function origin(place, shape, own) {
    let found = 0, size = 1;
    for (let axis = 1; axis <= own.length; axis++) {
      const length = shape.at(-axis);
      if (own.at(-axis) > 1) found += (place % length) * size;
      size *= own.at(-axis);
      place = Math.floor(place / length);
    }
    return found;
  }

  // (n, m) times (m, k): (n, k).
  function product(a, b) {
    const [n, m] = a.shape, [rows, k] = b.shape;
    if (m !== rows) throw new Error(`(${n}, ${m}) and (${rows}, ${k}) do not fit`);
    const out = zeros([n, k]);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        const factor = a.data[i * m + j];
        if (factor === 0) continue; // most of a picture is paper
        for (let c = 0; c < k; c++) out.data[i * k + c] += factor * b.data[j * k + c];
      }
    }
    return out;
  }

  function transposed({ shape: [n, m], data }) {
    const out = zeros([m, n]);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) out.data[j * n + i] = data[i * m + j];
    }
    return out;
  }

  lenet.autograd = { Node, array, add, multiply, matmul, relu, crossEntropy, backward };
}
