"use strict";
// The weights of a training as pictures: a map of 28x28 for each neuron that looks at pixels, one of
// them enlarged; the plane with the border for the neuron with two weights.

{
  const { element, drawMap } = lenet.page;
  const SIDE = 28;
  const KINDS = {
    weights: "weights",
    change: "change since the start",
    gradient: "gradient of the last step",
  };
  const TEXTS = {
    change: "What training has added to the weights of the start.",
    gradient: "The slope of the loss of the last batch for each weight. Red: more weight, more loss, so the step makes the weight smaller. Blue: the step makes it larger.",
  };
  const WEIGHTS = {
    layer: "Ink where a map is red raises the score of that digit; ink where it is blue lowers it.",
    small: "Ink where a map is red raises what the unit adds up, ink where it is blue lowers it. What is above 0, the unit (a ReLU) passes on to the ten scores; in place of the rest, 0.",
  };
  const DEAD = "“dead”: the unit gives 0 for every training digit.";
  const NONE = "“none”: it gave 0 for every digit of that batch, so it has no gradient this time.";

  class WeightMaps {
    constructor() {
      this.plane = lenet.charts.plane();
      this.one = new lenet.OneUnit();
      this.grid = element("div", { class: "learn-maps", role: "radiogroup", onchange: (event) => this.choose(event) });
      this.legend = element("p", { class: "network-note learn-maps-legend" });
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
      const isOther = training.name !== this.training?.name;
      this.training = training;
      this.start = training.weights[0].value.data.slice();
      if (training.name === "neuron") this.node.replaceChildren(this.plane.node, this.formula);
      else if (isOther) this.layOut(training);
    }

    layOut({ name, weights: [{ value: { shape: [, units] } }] }) {
      this.unit = 0;
      this.canvases = Array.from({ length: units }, () => element("canvas", { width: SIDE, height: SIDE }));
      this.captions = this.canvases.map((_, unit) => element("span", {}, this.nameOf(unit)));
      this.grid.replaceChildren(...this.canvases.map((canvas, unit) => element("label", {},
        element("input", { type: "radio", name: "learn-unit", class: "network-hidden", value: unit, checked: unit === this.unit }),
        canvas, this.captions[unit])));
      this.grid.classList.toggle("learn-ten", name === "layer");
      this.node.replaceChildren(this.choice, this.one.node, this.grid, this.legend);
    }

    nameOf(unit) {
      return String(this.training.name === "small" ? unit + 1 : unit);
    }

    choose({ target }) {
      this.unit = Number(target.value);
      this.showOne();
      lenet.page.announce(this.one.text);
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

    // Those of one unit, (784).
    mapOf(values, unit) {
      const units = this.canvases.length;
      return Float32Array.from({ length: SIDE ** 2 }, (_, pixel) => values[pixel * units + unit]);
    }

    showMaps() {
      const { training, kind } = this, values = this.values(), range = lenet.page.rangeOf({ data: values });
      this.counts = training.name === "small" ? lenet.training.activeCounts(training) : [];
      this.canvases.forEach((canvas, unit) => {
        const data = this.mapOf(values, unit), isNone = kind === "gradient" && training.steps && data.every((value) => value === 0);
        drawMap(canvas, { shape: [SIDE, SIDE], data }, { range, signed: true });
        const word = this.counts[unit] === 0 ? ": dead" : isNone ? ": none" : "";
        this.captions[unit].textContent = this.nameOf(unit) + word;
      });
      this.showLegend(range);
      this.showOne(values);
    }

    showLegend(range) {
      const { kind, training } = this, limit = Number(range.toPrecision(2)), isSmall = training.name === "small";
      const words = [TEXTS[kind] ?? WEIGHTS[training.name], isSmall && DEAD, isSmall && kind === "gradient" && NONE];
      this.legend.textContent = `${words.filter(Boolean).join(" ")} All maps have one scale: blue down to −${limit}, white 0, red up to ${limit}.`;
      const whose = isSmall ? "32 hidden units" : "ten neurons, 0 to 9";
      this.grid.setAttribute("aria-label", `Maps of the ${whose}: ${KINDS[kind]}. The one chosen is enlarged.`);
    }

    showOne(values = this.values()) {
      const { training, unit, start } = this;
      this.one.show(training, unit, { map: this.mapOf(values, unit), kind: KINDS[this.kind], active: this.counts[unit], start });
    }
  }

  lenet.WeightMaps = WeightMaps;
}
