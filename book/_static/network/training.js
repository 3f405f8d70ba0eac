"use strict";
// Chapter 00's neuron and small network, trained on two hundred digits with the course's own
// autograd. Nothing here draws: learn.js does.
//
// Needs autograd.js, random.js, and for the digits to_mnist.js with what that needs.

{
  const { Node, array, add, matmul, relu, crossEntropy, backward } = lenet.autograd;
  const PIXELS = 784; // of a digit in MNIST's form, 28x28
  const HIDDEN = 32; // units of the small network
  const CLASSES = 10;

  // What can be trained. `inputs` makes of digits (n, 784) what the network takes, `start` draws
  // its first weights, `scores` is its forward pass: x (n, inputs) -> (n, classes).
  const NETWORKS = {
    // One neuron says 0 or 1 from two numbers. Its score is that of a 1; a 0 scores nothing.
    neuron: {
      digits: [0, 1],
      inputs: widthAndMiddle,
      start: () => [zeros([2, 1]), zeros([1])],
      scores: (x, [w, b]) => matmul(add(matmul(x, w), b), new Node(array([1, 2], [0, 1]))),
    },
    // Ten neurons, one a digit, on the pixels. With one layer the weights may begin at zero.
    layer: {
      inputs: (pixels) => pixels,
      start: () => [zeros([PIXELS, CLASSES]), zeros([CLASSES])],
      scores: (x, [w, b]) => add(matmul(x, w), b),
    },
    // Chapter 00's network. Its weights begin as He et al. (2015) advise.
    small: {
      inputs: (pixels) => pixels,
      start: (random) => [
        drawn(random, [PIXELS, HIDDEN]), zeros([HIDDEN]),
        drawn(random, [HIDDEN, CLASSES]), zeros([CLASSES]),
      ],
      scores: (x, [w1, b1, w2, b2]) => add(matmul(relu(add(matmul(x, w1), b1)), w2), b2),
    },
  };

  const zeros = (shape) => array(shape, new Float64Array(shape.reduce((a, b) => a * b)));

  // Weights (inputs, units) from N(0, 2 / inputs).
  function drawn(random, [inputs, units]) {
    const deviation = Math.sqrt(2 / inputs);
    return array([inputs, units], Float64Array.from({ length: inputs * units }, () => random.normal() * deviation));
  }

  // How wide a digit is, in twentieths, and how much ink its middle has: (n, 784) -> (n, 2).
  function widthAndMiddle({ shape: [n], data }) {
    const numbers = [];
    for (let start = 0; start < n * PIXELS; start += PIXELS) {
      let width = 0, middle = 0;
      for (let x = 0; x < 28; x++) {
        let inked = false;
        for (let y = 0; y < 28; y++) {
          const ink = data[start + y * 28 + x];
          inked ||= ink > 0;
          if (x >= 12 && x < 16 && y >= 12 && y < 16) middle += ink / 16;
        }
        width += inked / 20;
      }
      numbers.push(width, middle);
    }
    return array([n, 2], numbers);
  }

  // A network before its first step, with the digits it is trained on and those held out.
  function startTraining(name, seed) {
    const network = NETWORKS[name], random = new lenet.RandomState(seed);
    const weights = network.start(random).map((value) => new Node(value));
    return {
      name, seed, network, random, weights,
      train: partFor(network, "train"),
      held: partFor(network, "held"),
      sums: weights.map(({ value }) => new Float64Array(value.data.length)), // of gradients: momentum
      waiting: [], // places of training digits that this epoch has still to see
      steps: 0,
      epochs: 0,
    };
  }

  // The digits of a part that the network is for, {x (n, inputs), labels (n), pixels (n, 784)}.
  function partFor({ digits, inputs }, part) {
    const all = digitsOf(part);
    const places = [...all.labels.keys()].filter((place) => !digits || digits.includes(all.labels[place]));
    const pixels = rows(all.pixels, places);
    return { x: inputs(pixels), labels: places.map((place) => all.labels[place]), pixels };
  }

  // Some rows of x (n, m), in the order given.
  function rows({ shape: [, m], data }, places) {
    const out = new Float64Array(places.length * m);
    places.forEach((place, k) => out.set(data.subarray(place * m, (place + 1) * m), k * m));
    return { shape: [places.length, m], data: out };
  }

  const made = {}; // digits in MNIST's form: made when they are first asked for

  // {pixels (n, 784) from 0 to 1, labels (n)} of "train" or "held".
  function digitsOf(part) {
    return (made[part] ??= makeDigits(lenet.trainingDigits[part]));
  }

  function makeDigits({ labels, images }) {
    const pixels = zeros([images.length, PIXELS]);
    images.forEach((image, n) => pixels.data.set(inMnistForm(image), n * PIXELS));
    for (let place = 0; place < pixels.data.length; place++) pixels.data[place] /= 255;
    return { pixels, labels: Array.from(labels, Number) };
  }

  // 64 letters, "a" for paper to "q" for full ink, 8x8 -> 28x28 from 0 to 255, as load_digits_28 does.
  function inMnistForm(letters) {
    const ink = Float32Array.from(letters, (letter) => ((letter.charCodeAt(0) - 97) * 255) / 16);
    const places = [...ink.keys()].filter((place) => ink[place] > 0);
    const down = places.map((place) => place >> 3), across = places.map((place) => place & 7);
    const top = Math.min(...down), left = Math.min(...across);
    const size = [Math.max(...down) - top + 1, Math.max(...across) - left + 1];
    const trimmed = lenet.ndimage.crop({ shape: [8, 8], data: ink }, top, left, size);
    return lenet.centreByMass(lenet.fitBox(trimmed)).data;
  }

  // One step of gradient descent on the next `batch` digits, with a momentum as in PyTorch's SGD.
  // Returns the loss of that batch, before the step.
  function step(training, { rate, batch, momentum }) {
    const { weights, sums, train } = training;
    const places = nextBatch(training, batch);
    const scores = training.network.scores(new Node(rows(train.x, places)), weights);
    const loss = crossEntropy(scores, places.map((place) => train.labels[place]));
    for (const weight of weights) weight.gradient.data.fill(0);
    backward(loss);
    weights.forEach(({ value, gradient }, k) => {
      for (let place = 0; place < value.data.length; place++) {
        sums[k][place] = momentum * sums[k][place] + gradient.data[place];
        value.data[place] -= rate * sums[k][place];
      }
    });
    training.steps++;
    return loss.value.data[0];
  }

  // The places of the next digits; each epoch goes through all of them in a new order.
  function nextBatch(training, batch) {
    if (!training.waiting.length) {
      training.waiting = training.random.permutation(training.train.labels.length);
      training.epochs++;
    }
    return training.waiting.splice(0, batch);
  }

  // The mean loss and the share that is wrong, of the training digits or of those held out.
  function evaluate({ network, weights }, { x, labels }) {
    const scores = network.scores(new Node(x), weights);
    const wrong = classesOf(scores.value).filter((found, row) => found !== labels[row]).length;
    return { loss: crossEntropy(scores, labels).value.data[0], wrong: wrong / labels.length };
  }

  // The class with the highest score in each row of scores (n, classes); of equal ones the first.
  function classesOf({ shape: [n, classes], data }) {
    return Array.from({ length: n }, (_, row) => {
      const some = data.subarray(row * classes, (row + 1) * classes);
      return some.indexOf(some.reduce((a, b) => Math.max(a, b)));
    });
  }

  // For how many training digits each hidden unit of the small network is above zero -> (32). Where
  // it is for none, no gradient reaches its weights: the unit is dead.
  function activeCounts({ weights: [w1, b1], train }) {
    const { data } = relu(add(matmul(new Node(train.x), w1), b1)).value; // (n, 32)
    const counts = Array(HIDDEN).fill(0);
    data.forEach((value, place) => (counts[place % HIDDEN] += value > 0));
    return counts;
  }

  const deadUnits = (training) => activeCounts(training).filter((count) => !count).length;

  // The length of the gradient of the last step, all weights together.
  const gradientLength = ({ weights }) =>
    Math.sqrt(weights.reduce((sum, { gradient }) => sum + gradient.data.reduce((a, g) => a + g * g, 0), 0));

  Object.assign(lenet, { training: { NETWORKS, startTraining, step, evaluate, classesOf, activeCounts, deadUnits, gradientLength, digitsOf } });
}
