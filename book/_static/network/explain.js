"use strict";
// One number of a network, taken apart: what was multiplied, added, compared. It needs stages.js.

{
  const { regionsOf, windowOf, placeOf, valueAt } = lenet.stages;

  // What a place's number is made of: {kind, value, windows, terms, bias, sum}, by kind of stage.
  // - conv2d: a window for each map before, {channel, sum, cells: rows of {value, weight, product,
  //   place}}; `place` is null in the padding. Then the bias and the sum of everything.
  // - maxPool2d: one window, and `winner`, the cell with the largest value, or the first of them.
  // - linear: terms {value, weight, product, place}, those that count most first; bias and sum.
  // - softmax: terms {score, power, share}, one a class: power is exp(score - largest score).
  function explain(stages, place) {
    const { kind } = stages[place.stage], value = valueAt(stages, place);
    return { kind, value, ...TAKEN_APART[kind](stages, place) };
  }

  const TAKEN_APART = {
    input: () => ({}),
    conv2d: (stages, place) => {
      const { layer } = stages[place.stage];
      const channels = Array.from({ length: layer.weight.shape[1] }, (_, channel) => channel);
      const windows = channels.map((channel) => convolved(stages, place, channel));
      const bias = layer.bias ? layer.bias.data[place.channel] : 0;
      return { windows, bias, sum: windows.reduce((sum, one) => sum + one.sum, bias) };
    },
    maxPool2d: (stages, place) => {
      const cells = cellsOf(stages, place, place.channel);
      const winner = cells.flat().reduce((best, cell) => (cell.value > best.value ? cell : best));
      return { windows: [{ channel: place.channel, cells }], winner };
    },
    linear: (stages, place) => {
      const { layer } = stages[place.stage];
      const terms = allBefore(stages, place).map(({ value, place: from }, n, { length }) => {
        const weight = layer.weight.data[place.channel * length + n];
        return { value, weight, product: value * weight, place: from };
      });
      const bias = layer.bias ? layer.bias.data[place.channel] : 0;
      const sum = terms.reduce((total, { product }) => total + product, bias);
      return { terms: terms.sort((a, b) => Math.abs(b.product) - Math.abs(a.product)), bias, sum };
    },
    softmax: (stages, place) => {
      const { data: scores } = stages[place.stage - 1].values;
      const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
      const powers = Array.from(scores, (score) => Math.exp(score - largest));
      const sum = powers.reduce((a, b) => a + b, 0);
      const terms = powers.map((power, n) => ({ score: scores[n], power, share: power / sum }));
      return { terms, largest, sum };
    },
  };

  // The window of a map, each value times its weight of the kernel.
  function convolved(stages, place, channel) {
    const { weight } = stages[place.stage].layer, [, depth, rows, columns] = weight.shape;
    const start = (place.channel * depth + channel) * rows * columns;
    const cells = cellsOf(stages, place, channel).map((line, row) =>
      line.map((cell, column) => {
        const one = weight.data[start + row * columns + column];
        return { ...cell, weight: one, product: cell.value * one };
      }));
    return { channel, cells, sum: cells.flat().reduce((sum, { product }) => sum + product, 0) };
  }

  // The values under a window, row by row: {value, place}; what lies in the padding is 0.
  function cellsOf(stages, { stage, row, column }, channel) {
    const { sides: [rows, columns], stride, padding } = windowOf(stages[stage].layer);
    const [, height, width] = stages[stage - 1].values.shape;
    const top = row * stride - padding, left = column * stride - padding;
    return Array.from({ length: rows }, (_, down) =>
      Array.from({ length: columns }, (_, across) => {
        const at = { stage: stage - 1, channel, row: top + down, column: left + across };
        const inside = at.row >= 0 && at.row < height && at.column >= 0 && at.column < width;
        return inside ? { value: valueAt(stages, at), place: at } : { value: 0, place: null };
      }));
  }

  // Every value of the stage before, in the order of its data: {value, place}.
  function allBefore(stages, { stage }) {
    const { data } = stages[stage - 1].values;
    return Array.from(data, (value, n) => ({ value, place: placeOf(stages, stage - 1, n) }));
  }

  // The window of a convolution that counts most: its map's part of the sum is the largest.
  const strongestWindow = ({ windows }) =>
    windows.reduce((best, one) => (Math.abs(one.sum) > Math.abs(best.sum) ? one : best));

  // From where most of a number comes: the place before with the largest product, in the direction
  // of the number itself. Null for a pixel of the digit.
  function strongestBefore(stages, place) {
    const found = explain(stages, place);
    if (found.kind === "input") return null;
    if (found.kind === "softmax") return { ...place, stage: place.stage - 1 };
    if (found.kind === "maxPool2d") return found.winner.place;
    const cells = productsOf(found).filter((cell) => cell.place); // none of the padding
    const sign = found.sum < 0 ? -1 : 1;
    const larger = (best, cell) => (sign * cell.product > sign * best.product ? cell : best);
    return cells.reduce(larger).place;
  }

  // All cells or terms of a convolution or a dense layer.
  const productsOf = ({ terms, windows }) => terms ?? windows.flatMap((one) => one.cells.flat());

  // With two decimals and a true minus. Small numbers have two figures, but at most two decimals
  // more: a product is seldom 0.00. Only what is 0 is written "0".
  function number(value, decimals = 2) {
    if (value === 0) return "0";
    const figures = 1 - Math.floor(Math.log10(Math.abs(value)));
    const text = value.toFixed(Math.min(decimals + 2, Math.max(decimals, figures)));
    return Number(text) ? text.replace("-", "−") : text.replace("-", "");
  }

  // Of probabilities and of shares right. Softmax gives no 0.
  const percent = (share) =>
    share > 0 && share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;

  // Where a place is, as one says it: counted from 1.
  function placeName(stages, { stage, channel, row, column }) {
    const { kind, values: { shape: [, height, width] } } = stages[stage];
    if (kind === "input") return `row ${row + 1}, column ${column + 1}`;
    if (kind === "softmax" || stages[stage + 1]?.kind === "softmax") return `digit ${channel}`;
    if (height * width === 1) return `unit ${channel + 1}`;
    return `map ${channel + 1}, row ${row + 1}, column ${column + 1}`;
  }

  // What a number is and where it comes from, in one or two sentences.
  function sentence(stages, place) {
    const stage = stages[place.stage], found = explain(stages, place);
    const name = `${stage.title}, ${placeName(stages, place)}`, value = number(found.value);
    if (found.kind === "input") return `${name}: ${value}, where 0 is paper and 1 is ink.`;
    if (found.kind === "softmax") return `${name}: ${percent(found.value)}, made of all scores.`;
    const field = `It sees ${fieldName(stages, place)}.`;
    if (found.kind === "maxPool2d") {
      const count = found.windows[0].cells.flat().length;
      return `${name}: ${value}, the largest of ${count} values. ${field}`;
    }
    const after = stage.sums ? `; ${afterRelu(found.sum)}` : "";
    const sum = `${productsOf(found).length} products and the bias add up to ${number(found.sum)}`;
    return `${name}: ${sum}${after}. ${field}`;
  }

  const afterRelu = (sum) => (sum > 0 ? "ReLU keeps it" : "ReLU makes that 0");

  // The receptive field, in words.
  function fieldName(stages, place) {
    const { top, left, bottom, right } = regionsOf(stages, place)[0];
    const [, height, width] = stages[0].values.shape;
    if (bottom - top === height && right - left === width) return "the whole digit";
    return `rows ${top + 1} to ${bottom} and columns ${left + 1} to ${right} of the digit`;
  }

  lenet.explain = {
    explain, strongestWindow, strongestBefore, sentence, placeName, number, percent, afterRelu,
  };
}
