"use strict";
// A network that runs on one picture, as the stages that a reader looks at, and what each number
// of a stage is computed from. It needs ops.js.
//
// A stage is {name, kind, title, step, layer, values, sums}: its numbers after the activation
// function, and before it where there is one. `step` says in a word how it was made. Values are
// (channels, height, width); a vector of n is (n, 1, 1). A place is {stage, channel, row, column},
// all from 0; a region is {channel, top, left, bottom, right}, where channel null means every one
// and bottom and right are the first row and column outside.

{
  const TITLES = { conv2d: "Convolution", maxPool2d: "Pooling", linear: "Dense layer" };

  // `outputs` is name -> tensor as `forward` of a LeNet-5 returns them, and `input`, the tensor
  // (1, height, width) that it ran on. The stages begin with the picture and end with softmax.
  function stagesOf(network, outputs) {
    if (!outputs.input) throw new lenet.CourseError("The outputs lack “input”, the picture.");
    const digit = { name: "input", kind: "input", title: "The digit", step: "" };
    const stages = [{ ...digit, values: asMaps(outputs.input) }], count = {};
    for (const layer of network.layers) {
      const values = asMaps(outputs[layer.name]);
      if (layer.kind === "relu") {
        const last = stages.at(-1);
        Object.assign(last, { sums: last.values, values });
      } else if (layer.kind !== "flatten") {
        const kind = kindOf(layer, values);
        count[kind] = (count[kind] ?? 0) + 1;
        const title = `${TITLES[kind]} ${count[kind]}`;
        stages.push({ name: layer.name, kind, title, step: stepOf(layer, kind), layer, values });
      }
    }
    const scores = stages.at(-1);
    scores.title = "Scores";
    const shares = { name: "softmax", kind: "softmax", title: "Probabilities", step: "softmax" };
    return [...stages, { ...shares, values: lenet.softmax(scores.values) }];
  }

  // A kernel as large as the maps before it leaves one number: the same as a dense layer's unit.
  const kindOf = (layer, { shape: [, height, width] }) =>
    layer.kind === "conv2d" && height * width === 1 ? "linear" : layer.kind;

  function stepOf(layer, kind) {
    if (kind === "linear") return "dense";
    return kind === "maxPool2d" ? `pool ${layer.size}` : windowOf(layer).sides.join(" × ");
  }

  const asMaps = ({ shape, data }) =>
    ({ shape: shape.length === 1 ? [shape[0], 1, 1] : shape, data });

  // What a layer slides over the maps before it: {sides: [rows, columns], stride, padding}.
  function windowOf({ kind, weight, size, stride = 1, padding = 0 }) {
    return { sides: kind === "conv2d" ? weight.shape.slice(2) : [size, size], stride, padding };
  }

  // The regions that a place is computed from: one for each stage from the digit (its receptive
  // field) to the place itself.
  function regionsOf(stages, { stage, channel, row, column }) {
    const regions = [];
    regions[stage] = { channel, top: row, left: column, bottom: row + 1, right: column + 1 };
    for (let k = stage; k > 0; k--) {
      regions[k - 1] = regionBefore(stages[k], stages[k - 1], regions[k]);
    }
    return regions;
  }

  // What a region of a stage is computed from, in the stage before it.
  function regionBefore(stage, source, region) {
    const [, height, width] = source.values.shape;
    if (isDense(stage)) return { channel: null, top: 0, left: 0, bottom: height, right: width };
    const { sides: [rows, columns], stride, padding } = windowOf(stage.layer);
    const first = (from) => Math.max(0, from * stride - padding);
    const end = (to, size, length) => Math.min(length, (to - 1) * stride - padding + size);
    return {
      channel: stage.kind === "maxPool2d" ? region.channel : null, // a kernel spans all maps
      top: first(region.top),
      left: first(region.left),
      bottom: end(region.bottom, rows, height),
      right: end(region.right, columns, width),
    };
  }

  // Does every number of this stage depend on all numbers of the stage before?
  const isDense = ({ kind }) => kind === "linear" || kind === "softmax";

  // Where in a stage's data a place has its number.
  function indexOf({ values: { shape: [, height, width] } }, { channel, row, column }) {
    return (channel * height + row) * width + column;
  }

  // The place of the number with an index in a stage's data.
  function placeOf(stages, stage, index) {
    const [, height, width] = stages[stage].values.shape;
    const channel = Math.floor(index / (height * width));
    return { stage, channel, row: Math.floor(index / width) % height, column: index % width };
  }

  const valueAt = (stages, place) =>
    stages[place.stage].values.data[indexOf(stages[place.stage], place)];

  // The place of the largest number of a stage: an example worth looking at.
  function largestPlace(stages, stage) {
    const { data } = stages[stage].values;
    return placeOf(stages, stage, data.indexOf(data.reduce((a, b) => Math.max(a, b), -Infinity)));
  }

  // The smallest and the largest number of each stage over several pictures, tensors (1, height,
  // width): a scale on which drawings can be compared, because it does not follow any of them.
  function limitsOver(network, inputs) {
    const limits = [];
    for (const input of inputs) {
      stagesOf(network, { input, ...network.forward(input) }).forEach(({ values: { data } }, n) => {
        limits[n] ??= [Infinity, -Infinity];
        limits[n] = data.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], limits[n]);
      });
    }
    limits[0] = [0, 1]; // paper and ink
    return limits;
  }

  lenet.stages = {
    stagesOf, regionsOf, windowOf, isDense, placeOf, valueAt, largestPlace, limitsOver,
  };
}
