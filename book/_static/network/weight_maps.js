"use strict";
// The weights of a training as pictures: a map of 28x28 for each neuron that looks at pixels, the
// plane with the border for the neuron with two weights.

{
  const { element, drawMap } = lenet.page;
  const SIDE = 28;
  const KINDS = {
    weights: "weights",
    change: "change since the start",
    gradient: "gradient of the last step",
  };
  const TEXTS = {
    weights: "A digit with ink where a map is red raises the neuron's score, with ink where it is blue lowers it.",
    change: "What training has added to the random numbers of the start.",
    gradient: "Ink where a map is red: more of that weight, and the loss rises. The step goes the other way.",
  };

  class WeightMaps {
    constructor() {
      this.plane = lenet.charts.plane();
      this.grid = element("div", { class: "learn-maps", role: "img" });
      this.legend = element("p", { class: "network-note" });
      this.formula = element("p", {});
      this.choice = element("fieldset", {}, element("legend", {}, "Show"), Object.entries(KINDS).map(([kind, words]) =>
        element("label", { class: "learn-kind" },
          element("input", { type: "radio", name: "learn-kind", value: kind, checked: kind === "weights", onchange: () => this.show() }),
          words)));
      this.node = element("section", { "aria-label": "Weights" });
    }

    get kind() {
      return this.choice.querySelector("input:checked").value;
    }

    // Lay out pictures for a training, and keep its first weights.
    begin(training) {
      this.training = training;
      this.start = training.weights[0].value.data.slice();
      const { shape: [, units] } = training.weights[0].value;
      const hidden = training.name === "small";
      this.canvases = Array.from({ length: units }, () => element("canvas", { width: SIDE, height: SIDE }));
      this.captions = this.canvases.map((_, unit) => element("span", {}, String(hidden ? unit + 1 : unit)));
      this.grid.replaceChildren(...this.canvases.map((canvas, unit) => element("div", {}, canvas, this.captions[unit])));
      this.grid.classList.toggle("learn-ten", !hidden);
      if (training.name === "neuron") this.node.replaceChildren(this.plane.node, this.formula);
      else this.node.replaceChildren(this.choice, this.grid, this.legend);
    }

    show() {
      if (this.training.name === "neuron") this.showPlane();
      else this.showMaps();
    }

    showPlane() {
      const { train, weights: [w, b] } = this.training, [width, middle] = w.value.data;
      const round = (value) => (value < 0 ? "−" : "") + Math.abs(value).toFixed(2);
      const signed = (value) => (value < 0 ? "− " : "+ ") + Math.abs(value).toFixed(2);
      const words = `score = ${round(width)} · width ${signed(middle)} · middle ${signed(b.value.data[0])}`;
      this.formula.textContent = `${words}. Blue circles are 0s, orange triangles 1s; a ring marks what is wrong. On the line the score is zero; on the side of the 1s it is positive.`;
      this.plane.draw(train, [w.value, b.value], `The digits in the plane of width and ink in the middle, and the border of the neuron: ${words}.`);
    }

    // The numbers to show, (784, units).
    values() {
      const [{ value, gradient }] = this.training.weights;
      if (this.kind === "gradient") return gradient.data;
      return this.kind === "change" ? value.data.map((now, place) => now - this.start[place]) : value.data;
    }

    showMaps() {
      const values = this.values(), units = this.canvases.length;
      const range = lenet.page.rangeOf({ data: values });
      this.canvases.forEach((canvas, unit) => {
        const data = Float32Array.from({ length: SIDE ** 2 }, (_, pixel) => values[pixel * units + unit]);
        drawMap(canvas, { shape: [SIDE, SIDE], data }, { range, signed: true });
      });
      const shut = this.training.name === "small" ? lenet.training.shutUnits(this.training) : [];
      shut.forEach((isShut, unit) => (this.captions[unit].textContent = isShut ? `${unit + 1}: shut` : String(unit + 1)));
      const limit = Number(range.toPrecision(2));
      this.legend.textContent = `${TEXTS[this.kind]} Blue: down to −${limit}; white: 0; red: up to ${limit}.`;
      const whose = shut.length ? "the 32 hidden units" : "the ten neurons, 0 to 9";
      this.grid.setAttribute("aria-label", `Maps of 28x28 for ${whose}: ${KINDS[this.kind]}, from −${limit} to ${limit}.${shut.some(Boolean) ? ` ${shut.filter(Boolean).length} units are shut.` : ""}`);
    }
  }

  lenet.WeightMaps = WeightMaps;
}
