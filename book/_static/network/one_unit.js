"use strict";
// One of the maps of weight_maps.js, enlarged and with its own scale, and what its unit does in numbers.

{
  const { element, drawMap, rangeOf } = lenet.page;
  const SIDE = 28;
  const MOST = 2; // digits that a hidden unit is said to speak for, and against

  class OneUnit {
    constructor() {
      this.canvas = element("canvas", { width: SIDE, height: SIDE, role: "img" });
      this.head = element("p", { class: "learn-unit-name" });
      this.words = element("p", {});
      this.scale = element("p", { class: "network-note" });
      this.node = element("div", { class: "learn-unit" }, this.canvas,
        element("div", {}, this.head, this.words, this.scale));
    }

    // map: the 784 numbers to draw, kind: what they are; active: for how many digits a hidden unit
    // is above 0; start: the weights at the start, (784, units).
    show(training, unit, { map, kind, active, start }) {
      const range = rangeOf({ data: map }), limit = Number(range.toPrecision(2)), isHidden = training.name === "small";
      const isEmpty = map.every((value) => value === 0);
      drawMap(this.canvas, { shape: [SIDE, SIDE], data: map }, { range, signed: true });
      this.head.textContent = isHidden ? `Hidden unit ${unit + 1}` : `The neuron for the digit ${unit}`;
      this.words.textContent = `${isHidden ? hidden(training, unit, active) : last(training, unit)} ${changed(training, unit, start)}`;
      this.scale.textContent = isEmpty ? "All of these numbers are 0." : `On a scale of its own: blue down to −${limit}, red up to ${limit}.`;
      this.canvas.setAttribute("aria-label", `${this.head.textContent}, ${kind}, enlarged`);
    }

    get text() {
      return `${this.head.textContent}. ${this.words.textContent} ${this.scale.textContent}`;
    }
  }

  // For how many digits a hidden unit is active, and what the ten scores make of it.
  function hidden({ weights: [, , w2], train }, unit, active) {
    const count = train.labels.length;
    if (!active) return `Dead: it gives 0 for all ${count} training digits, so the scores get nothing from it, and its weights no gradient.`;
    const [, classes] = w2.value.shape, out = [...w2.value.data.subarray(unit * classes, (unit + 1) * classes)];
    const order = out.map((weight, digit) => [digit, weight]).sort((a, b) => b[1] - a[1]);
    const named = (pairs) => pairs.map(([digit, weight]) => `the ${digit} (${signed(weight)})`).join(" and ");
    const speaks = named(order.slice(0, MOST).filter(([, weight]) => weight > 0));
    const against = named(order.slice(-MOST).reverse().filter(([, weight]) => weight < 0));
    const says = [speaks && `most for ${speaks}`, against && `most against ${against}`].filter(Boolean).join(", ");
    return `It is above 0 for ${active} of the ${count} training digits. Then it speaks ${says}: these are its weights in the scores.`;
  }

  // Which digits a neuron of the last layer takes for its own.
  function last({ network, weights, train }, unit) {
    const { labels, x } = train, scores = network.scores(new lenet.autograd.Node(x), weights).value;
    if (scores.data.every((score) => score === 0)) return "All ten scores are 0 as yet.";
    const found = lenet.training.classesOf(scores), mine = labels.filter((_, row) => found[row] === unit);
    const right = mine.filter((label) => label === unit).length;
    return `Its score is the highest for ${mine.length} of the ${labels.length} training digits, and ${right} of these are a ${unit}. There are ${labels.filter((label) => label === unit).length} in all. Its bias is ${signed(weights[1].value.data[unit])}.`;
  }

  // How far the weights of a unit are from where they began.
  function changed({ weights: [{ value: { shape: [inputs, units], data } }] }, unit, start) {
    const lengthOf = (weight) => Math.hypot(...Array.from({ length: inputs }, (_, pixel) => weight(pixel * units + unit)));
    const began = lengthOf((place) => start[place]), moved = lengthOf((place) => data[place] - start[place]);
    if (!moved) return "Its weights are those of the start.";
    const percent = (100 * moved) / began;
    const share = began ? `, ${percent.toFixed(percent < 10 ? 1 : 0)} % of the ${began.toFixed(2)} that they began with` : "; they began at 0";
    return `Its weights have changed by a length of ${moved.toPrecision(2)}${share}.`;
  }

  const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);

  lenet.OneUnit = OneUnit;
}
