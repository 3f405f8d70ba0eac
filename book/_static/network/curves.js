"use strict";
// The two charts of a training, loss and share right over the steps, and a line of text for the
// step that a reader points at: with the mouse, a finger or the arrow keys.

{
  const { element, colours } = lenet.page;
  const LEAST = 50; // steps of the axis
  const FAR = 10; // steps that Page Up and Page Down go
  const HINT = "Point at a chart, tap it, or press the arrow keys on it, to read off a step.";
  const LINES = {
    batch: { colour: "#808080", width: 1, words: "the batch of the step" },
    before: { colour: "#7a4a9e", width: 2, dash: "2 4", words: "training digits, the run before" },
    train: { colour: colours.lines[0], width: 2.5, words: "training digits" },
    held: { colour: colours.lines[1], width: 2, dash: "7 4", words: "digits held out" },
  };

  class Curves {
    constructor() {
      const { lineChart, lineLegend } = lenet.charts;
      this.at = null; // the step that is read off
      this.lowest = element("span", {});
      this.reading = element("p", { class: "learn-reading" }, HINT);
      this.loss = lineChart({ label: "loss", lines: LINES, logarithmic: true });
      this.right = lineChart({ label: "right", lines: { train: LINES.train, held: LINES.held } });
      this.legend = lineLegend(LINES, { name: "held", words: this.lowest });
      for (const [name, chart] of [["Loss", this.loss], ["Share right", this.right]]) this.listen(name, chart);
      this.node = element("div", {}, this.reading,
        element("div", { class: "learn-charts" }, this.loss.node, this.right.node), this.legend);
    }

    // A mouse reads off wherever it is; a finger where it taps or draws across, and the step stays.
    listen(name, { node, stepAt }) {
      for (const [key, value] of Object.entries({ role: "slider", tabindex: 0, "aria-label": `${name}: step to read off`, "aria-valuemin": 0 })) {
        node.setAttribute(key, value);
      }
      for (const kind of ["pointerdown", "pointermove"]) node.addEventListener(kind, (event) => this.read(stepAt(event)));
      node.addEventListener("pointerleave", ({ pointerType }) => pointerType !== "touch" && this.read(null));
      node.addEventListener("keydown", (event) => this.key(event));
      node.addEventListener("blur", () => this.read(null));
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const at = this.at ?? this.training.steps;
      const goals = {
        ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1,
        PageDown: at - FAR, PageUp: at + FAR, Home: 0, End: this.last, Escape: null,
      };
      if (!(event.key in goals)) return;
      event.preventDefault();
      this.read(goals[event.key]);
    }

    // history: {batch, train, held}, as in verdict.js; before: the losses of the run before, or null.
    draw(training, history, before) {
      const { train, held, batch } = history, losses = (line) => line.map(({ loss }) => loss);
      const last = Math.max(training.steps, before ? before.length - 1 : 0);
      Object.assign(this, { training, history, before, last });
      const values = { batch, before: before ?? [], train: losses(train), held: losses(held) };
      const step = values.held.reduce((best, loss, k) => (loss < values.held[best] ? k : best), 0);
      this.lowest.textContent = `lowest loss held out: ${lenet.inWords(values.held[step])}, at step ${step}`;
      this.legend.querySelector("[data-line=before]").classList.toggle("learn-absent", !before);
      this.loss.draw(values, Math.max(LEAST, last), { name: "held", step });
      const right = (line) => line.map(({ wrong }) => 1 - wrong);
      this.right.draw({ train: right(train), held: right(held) }, Math.max(LEAST, last));
      this.read(this.at);
    }

    // Read off a step; null: none.
    read(step) {
      this.at = step === null ? null : Math.min(this.last, Math.max(0, step));
      const at = this.at ?? this.training.steps, words = this.words(at);
      this.reading.textContent = this.at === null ? HINT : words;
      for (const chart of [this.loss, this.right]) {
        chart.point(this.at);
        chart.node.setAttribute("aria-valuemax", this.last);
        chart.node.setAttribute("aria-valuenow", at);
        chart.node.setAttribute("aria-valuetext", words);
      }
    }

    words(step) {
      const { training, history, before } = this, { inWords } = lenet;
      const part = (name, head) => {
        const { loss, wrong } = history[name][step], count = training[name].labels.length;
        return `${head}: loss ${inWords(loss)}, ${Math.round(wrong * count)} of ${count} wrong.`;
      };
      const next = step in history.batch ? ` The batch that follows: loss ${inWords(history.batch[step])}.` : "";
      const old = before && step in before ? ` The run before: training loss ${inWords(before[step])}.` : "";
      if (step > training.steps) return `Step ${step} is still to come.${old}`;
      return `Step ${step}. ${part("train", "Training digits")} ${part("held", "Held out")}${next}${old}`;
    }
  }

  lenet.Curves = Curves;
}
