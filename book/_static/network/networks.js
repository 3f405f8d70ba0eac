"use strict";
// The networks that the pages run, made from named tensors: LeNet-5 and the variational
// autoencoder. Names and order of the layers are those of lenetcourse.models and
// lenetcourse.activations.

{
  const { CourseError } = lenet;
  const SIDE = 28; // height and width of the input, in pixels

  // The name of weights that a script of weights/ has registered, or an ArrayBuffer of safetensors
  // -> network. Raises CourseError, with a sentence that says why, when there is none in it.
  function loadModel(source) {
    if (typeof source !== "string") return makeNetwork(lenet.readSafetensors(source));
    if (!Object.hasOwn(lenet.weights, source)) {
      throw new CourseError(`There are no weights “${source}”.`);
    }
    return makeNetwork(lenet.readWeights(lenet.weights[source]));
  }

  function makeNetwork({ tensors, metadata }) {
    for (const [name, { data }] of Object.entries(tensors)) {
      if (!data.every(Number.isFinite)) {
        throw new CourseError(
          `${shown(name)} holds something that is no finite number: did the training diverge?`);
      }
    }
    if ("conv1.weight" in tensors && "conv2.weight" in tensors && "fc3.weight" in tensors) {
      return lenet5(tensors, metadata);
    }
    if ("mu.weight" in tensors && "expand.weight" in tensors) return vae(tensors, metadata);
    const { model } = metadata;
    const kind = typeof model === "string" ? shown(model) : "no network of this page";
    throw new CourseError(`These are weights of ${kind}; a LeNet-5 or a VAE can run here.`);
  }

  // LeNet-5 of any numbers of kernels and units, on one image of 28x28. `layers` lists what it
  // does, in order; `forward(x)`, x (1, 28, 28) in [0, 1], returns the output of each: name ->
  // tensor. Those with weights are taken before their activation function, as in PyTorch.
  function lenet5(tensors, facts) {
    const third = "conv3.weight" in tensors ? "conv3" : "fc1"; // two ways to write it
    const [k1, k2, units, hidden, classes] =
      ["conv1", "conv2", third, "fc2", "fc3"].map((name) => outputs(tensors, name));
    const left = ((SIDE - 4) / 2 - 4) / 2; // 4: what two convolutions and two poolings leave of 28
    checkShapes(tensors, {
      conv1: [k1, 1, 5, 5],
      conv2: [k2, k1, 5, 5],
      [third]: third === "fc1" ? [units, k2 * left ** 2] : [units, k2, left, left],
      fc2: [hidden, units],
      fc3: [classes, hidden],
    });
    const flatten = { name: "flatten", kind: "flatten", run: lenet.flatten };
    // Shapes for 6 and 16 kernels:
    const layers = [
      convolution("conv1", tensors), // (6, 24, 24)
      { name: "relu1", kind: "relu", run: lenet.relu },
      pooling("pool1"), // (6, 12, 12)
      convolution("conv2", tensors), // (16, 8, 8)
      { name: "relu2", kind: "relu", run: lenet.relu },
      pooling("pool2"), // (16, 4, 4)
      ...(third === "conv3"
        ? [convolution("conv3", tensors)] // (120, 1, 1)
        : [flatten, dense("fc1", tensors)]), // (256), (120)
      { name: "relu3", kind: "relu", run: lenet.relu },
      dense("fc2", tensors), // (84)
      { name: "relu4", kind: "relu", run: lenet.relu },
      dense("fc3", tensors), // (10)
    ];
    const forward = (x) => runAll(layers, x);
    return { kind: "LeNet5", kernels: [k1, k2], classes, facts, layers, forward };
  }

  // The variational autoencoder; the plain autoencoder is the same without noise. `encode(x)`, x
  // (1, 28, 28), and `decode(latent)` return name -> tensor; `forward(x, noise)` does both, and
  // "image" is the picture (1, 28, 28) in [0, 1]. `noise`, (latents), is drawn from N(0, I);
  // without it the mean is taken.
  function vae(tensors, facts) {
    const [hidden, latents, expanded] =
      ["encoder", "mu", "expand"].map((name) => outputs(tensors, name));
    checkShapes(tensors, {
      encoder: [hidden, SIDE ** 2],
      mu: [latents, hidden],
      logvar: [latents, hidden],
      expand: [expanded, latents],
      decoder: [SIDE ** 2, expanded],
    });
    const layer = Object.fromEntries(
      ["encoder", "mu", "logvar", "expand", "decoder"].map((name) => [name, dense(name, tensors)]));
    function encode(x) {
      const encoder = layer.encoder.run(lenet.flatten(x)); // (784) -> (400)
      const code = lenet.relu(encoder);
      return { encoder, mu: layer.mu.run(code), logvar: layer.logvar.run(code) }; // (latents) each
    }
    function decode(latent) {
      const expand = layer.expand.run(latent); // (latents) -> (400)
      const decoder = layer.decoder.run(lenet.relu(expand)); // (784): scores of the pixels
      return { expand, decoder, image: lenet.tensor([1, SIDE, SIDE], lenet.sigmoid(decoder).data) };
    }
    function forward(x, noise = null) {
      const { encoder, mu, logvar } = encode(x);
      const latent = noise ? reparameterise(mu, logvar, noise) : mu;
      return { encoder, mu, logvar, latent, ...decode(latent) };
    }
    const sample = facts.settings?.sample !== false; // else a plain autoencoder: takes the mean
    return { kind: "VAE", latents, sample, facts, encode, decode, forward };
  }

  // mu + standard deviation times noise: a draw from N(mu, exp(logvar)). Shapes (n) all.
  function reparameterise(mu, logvar, noise) {
    const draw = (mean, n) => mean + Math.exp(0.5 * logvar.data[n]) * noise.data[n];
    return lenet.tensor(mu.shape, mu.data.map(draw));
  }

  const convolution = (name, tensors) => {
    const weight = tensors[`${name}.weight`], bias = tensors[`${name}.bias`];
    const run = (x) => lenet.conv2d(x, weight, bias);
    return { name, kind: "conv2d", weight, bias, stride: 1, run };
  };
  const dense = (name, tensors) => {
    const weight = tensors[`${name}.weight`], bias = tensors[`${name}.bias`];
    return { name, kind: "linear", weight, bias, run: (x) => lenet.linear(x, weight, bias) };
  };
  const pooling = (name) =>
    ({ name, kind: "maxPool2d", size: 2, stride: 2, run: (x) => lenet.maxPool2d(x, 2) });

  function runAll(layers, x) {
    const found = {};
    for (const layer of layers) found[layer.name] = x = layer.run(x);
    return found;
  }

  // How many outputs a layer has, as its weights say.
  function outputs(tensors, layer) {
    const weight = tensors[`${layer}.weight`];
    if (!weight) throw missing(`${layer}.weight`);
    if (!weight.shape[0]) throw new CourseError(`“${layer}.weight” has no output.`);
    return weight.shape[0];
  }

  // Raise CourseError unless there are just these layers, each with weights of its shape and bias.
  function checkShapes(tensors, layers) {
    const left = new Set(Object.keys(tensors));
    for (const [layer, shape] of Object.entries(layers)) {
      for (const [name, wanted] of [[`${layer}.weight`, shape], [`${layer}.bias`, [shape[0]]]]) {
        if (!tensors[name]) throw missing(name);
        const [is, must] = [tensors[name].shape, wanted].map((lengths) => lengths.join(" x "));
        if (is !== must) {
          throw new CourseError(
            `“${name}” is ${is} and would have to be ${must}, for grey pictures of 28x28.`);
        }
        left.delete(name);
      }
    }
    for (const name of left) throw new CourseError(`${shown(name)} has no place in this network.`);
  }

  const missing = (name) =>
    new CourseError(`These weights are not complete: “${name}” is missing.`);

  // A picture in MNIST's form, 28x28 from 0 to 255 -> (1, 28, 28) in [0, 1], what a network takes.
  const asInput = ({ data }) =>
    lenet.tensor([1, SIDE, SIDE], Float32Array.from(data, (value) => value / 255));

  // What LeNet-5 says of a picture in MNIST's form: every layer's output, probabilities (classes),
  // the classes from the likeliest on, and whether that is too uncertain to be an answer.
  function predict(network, picture) {
    const layers = network.forward(asInput(picture));
    const probabilities = lenet.softmax(layers.fc3).data;
    const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
    const unsure = isUnsure(probabilities, network.facts);
    return { layers, probabilities, order, digit: order[0], unsure };
  }

  // As `lenetcourse predict`: unsure where the best class leads the second by less than the limit
  // that was chosen on validation images and lies with the weights. Without a limit, null.
  function isUnsure(probabilities, { unsure_below: limit }) {
    if (typeof limit !== "number") return null;
    const [best, second = 0] = [...probabilities].sort((a, b) => b - a);
    return Math.fround(best - second) < limit;
  }

  const shown = (name) => `“${name.slice(0, 40)}”`;

  Object.assign(lenet, { loadModel, makeNetwork, reparameterise, asInput, predict, isUnsure });
}
