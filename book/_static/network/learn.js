"use strict";
// The page "Watch it learn": sliders and buttons, a step a frame, and what each step changed.

{
  const { element, colours } = lenet.page;
  const { startTraining, step, evaluate, shutUnits, gradientLength } = lenet.training;
  const RATES = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];
  const BATCHES = [1, 2, 5, 10, 20, 50, 100, 200];
  const MOMENTA = [0, 0.5, 0.8, 0.9, 0.95, 0.99];
  const MOST_STEPS = 3000; // after which it stops by itself
  const AT_ONCE = 100; // steps that "Start" takes for readers who want no motion
  const SLICE = 12; // ms of work before the page gets its turn
  const SEEDS = 2 ** 32; // so many there are

  // Networks by name: what the menu says, and settings with which each learns well.
  const CHOICES = {
    small: { words: "small network: 784 pixels, 32 hidden units, 10 scores", rate: 0.1, batch: 20, momentum: 0 },
    layer: { words: "ten neurons, one a digit, on the 784 pixels", rate: 0.1, batch: 20, momentum: 0 },
    neuron: { words: "one neuron with two weights: is it a 0 or a 1?", rate: 1, batch: 200, momentum: 0 },
  };
  const LINES = {
    batch: { colour: "#9a9a9a", width: 1, words: "the batch of the step" },
    before: { colour: "#7a4a9e", width: 2, dash: "2 4", words: "training digits, the run before" },
    train: { colour: colours.lines[0], width: 2.5, words: "training digits" },
    held: { colour: colours.lines[1], width: 2, dash: "7 4", words: "digits held out" },
  };

  const percent = (share) => `${(100 * share).toFixed(1)} %`;

  class LearnPage {
    constructor() {
      this.before = null; // the run before: {train, held}
      this.left = 0; // steps still to take
      this.makeControls();
      this.makeButtons();
      this.makeReadings();
      this.maps = new lenet.WeightMaps();
      document.addEventListener("visibilitychange", () => document.hidden && this.pause());
      this.choose("small");
    }

    build() {
      return element("div", { class: "learn" },
        element("div", { class: "learn-controls" }, this.controls),
        element("div", { class: "network-bar" }, Object.values(this.buttons)),
        this.sentence, this.facts,
        element("div", { class: "learn-charts" }, this.loss.node, this.right.node),
        this.legend, this.table, this.maps.node);
    }

    // Controls: each changes the next step; another network or seed begins anew.
    makeControls() {
      this.network = element("select", { id: "learn-network", onchange: () => this.choose(this.network.value) },
        Object.entries(CHOICES).map(([name, { words }]) => element("option", { value: name }, words)));
      this.seed = element("input", {
        id: "learn-seed", type: "number", min: 0, max: SEEDS - 1, step: 1, value: 0, onchange: () => this.reset(),
      });
      this.sliders = {
        rate: slider("rate", "Learning rate", RATES, String),
        batch: slider("batch", "Batch size", BATCHES, (size) => (size === 1 ? "1 digit" : `${size} digits`)),
        momentum: slider("momentum", "Momentum", MOMENTA, String),
      };
      const labelled = (label, control) =>
        element("div", { class: "learn-control" }, element("label", { for: control.id }, label), control);
      this.controls = [
        labelled("Network", this.network),
        ...Object.values(this.sliders).map(({ node }) => node),
        labelled("Seed", this.seed),
      ];
    }

    makeButtons() {
      const button = (words, onclick) => element("button", { type: "button", onclick }, words);
      this.buttons = {
        start: button("Start", () => (this.left ? this.pause() : this.start())),
        step: button("One step", () => this.run(1)),
        epoch: button("One epoch", () => this.run(this.stepsLeft())),
        reset: button("Reset", () => this.reset()),
      };
    }

    makeReadings() {
      const { lineChart } = lenet.charts;
      this.loss = lineChart({ label: "loss", lines: LINES, logarithmic: true });
      this.right = lineChart({ label: "right", lines: { train: LINES.train, held: LINES.held } });
      this.legend = lenet.charts.lineLegend(LINES);
      this.sentence = element("p", { class: "learn-sentence" });
      this.facts = element("p", { class: "network-note" });
      this.table = element("table", { class: "learn-table" });
    }

    choose(name) {
      for (const [slide, { set }] of Object.entries(this.sliders)) set(CHOICES[name][slide]);
      this.before = null;
      this.history = null;
      this.reset();
    }

    // Begin anew; the curve of the run before stays, to compare with.
    reset() {
      const seed = Math.min(SEEDS - 1, Math.max(0, Math.floor(Number(this.seed.value)) || 0));
      this.seed.value = seed;
      if (this.training?.steps && this.history) this.before = this.history.train.map(({ loss }) => loss);
      this.training = startTraining(this.network.value, seed);
      this.history = { batch: [], train: [], held: [] };
      this.measure();
      this.maps.begin(this.training);
      this.stop();
    }

    get settings() {
      return Object.fromEntries(Object.entries(this.sliders).map(([name, { value }]) => [name, value()]));
    }

    // How many steps are left of the epoch; of a new one, all.
    stepsLeft() {
      const { waiting, train } = this.training;
      return Math.ceil((waiting.length || train.labels.length) / this.settings.batch);
    }

    start() {
      this.run(lenet.page.reducedMotion() ? AT_ONCE : Infinity);
    }

    pause() {
      if (this.left) this.stop();
    }

    // Take so many steps: one a frame, and each is drawn. For readers who want no motion as many a
    // frame as the page can bear, and only the result is drawn.
    run(steps) {
      const running = this.left > 0;
      this.left = steps;
      this.relabel();
      if (!running) requestAnimationFrame(() => this.frame());
    }

    frame() {
      if (!this.left) return;
      const quiet = lenet.page.reducedMotion(), end = performance.now() + SLICE;
      do this.oneStep();
      while (quiet && this.left && performance.now() < end);
      if (!this.left) return this.stop();
      if (!quiet) this.show();
      requestAnimationFrame(() => this.frame());
    }

    oneStep() {
      this.history.batch.push(step(this.training, this.settings));
      this.measure();
      this.left--;
      if (this.ended()) this.left = 0;
    }

    measure() {
      for (const part of ["train", "held"]) this.history[part].push(evaluate(this.training, this.training[part]));
    }

    ended() {
      return this.training.steps >= MOST_STEPS || !Number.isFinite(this.history.train.at(-1).loss);
    }

    stop() {
      this.left = 0;
      this.relabel();
      this.show();
      const { train, held } = this.history;
      lenet.page.announce(`Step ${this.training.steps}. ${this.sentence.textContent} Right: ${percent(1 - train.at(-1).wrong)} of the training digits, ${percent(1 - held.at(-1).wrong)} of those held out.`);
    }

    relabel() {
      const { start, step, epoch } = this.buttons, ended = this.ended();
      start.textContent = this.left ? "Pause" : lenet.page.reducedMotion() ? `${AT_ONCE} steps` : "Start";
      for (const one of [start, step, epoch]) one.disabled = ended && !this.left;
    }

    // Everything that a step changes.
    show() {
      const { training, history, settings } = this, { kind, text } = lenet.verdict(training, history, settings);
      const full = training.steps >= MOST_STEPS ? ` It stops here, after ${MOST_STEPS} steps.` : "";
      this.sentence.textContent = text + full;
      this.sentence.dataset.kind = kind;
      this.sentence.classList.toggle("network-wrong", ["diverged", "climbing", "shut"].includes(kind));
      this.showFacts();
      this.showCurves();
      this.maps.show(training);
    }

    showFacts() {
      const { training, history } = this, { train, held } = history, parts = { train, held };
      const last = training.steps ? `; the batch had the loss ${lenet.inWords(history.batch.at(-1))}, and the gradient the length ${lenet.inWords(gradientLength(training))}` : "";
      this.facts.textContent = `Step ${training.steps}, epoch ${training.epochs}${last}.`;
      const row = (head, ...cells) =>
        element("tr", {}, element("th", { scope: "row" }, head), cells.map((cell) => element("td", {}, cell)));
      const rows = Object.entries(parts).map(([name, line]) => {
        const count = training[name].labels.length, { loss, wrong } = line.at(-1);
        const head = name === "train" ? "training digits" : "held out";
        return row(head, lenet.inWords(loss), `${Math.round(wrong * count)} of ${count}`, percent(1 - wrong));
      });
      this.table.replaceChildren(
        element("thead", {}, element("tr", {}, ["digits", "loss", "wrong", "right"].map((head) => element("th", { scope: "col" }, head)))),
        element("tbody", {}, rows));
    }

    showCurves() {
      const { train, held, batch } = this.history, { steps } = this.training;
      const last = Math.max(50, steps, this.before?.length - 1 || 0); // of the axis
      const loss = { batch, before: this.before ?? [], train: train.map((one) => one.loss), held: held.map((one) => one.loss) };
      this.legend.querySelector("[data-line=before]").hidden = !this.before;
      this.loss.draw(loss, last, `Loss over ${steps} steps: training digits ${lenet.inWords(loss.train.at(-1))}, held out ${lenet.inWords(loss.held.at(-1))}.`);
      const right = { train: train.map((one) => 1 - one.wrong), held: held.map((one) => 1 - one.wrong) };
      this.right.draw(right, last, `Share right over ${steps} steps: training digits ${percent(right.train.at(-1))}, held out ${percent(right.held.at(-1))}.`);
    }
  }

  // A slider over a row of values: its element, its value, and how to set it.
  function slider(name, label, values, words) {
    const input = element("input", { id: `learn-${name}`, type: "range", min: 0, max: values.length - 1, step: 1 });
    const output = element("output", { for: input.id });
    const value = () => values[Number(input.value)];
    const say = () => {
      output.textContent = String(value());
      input.setAttribute("aria-valuetext", words(value()));
    };
    const set = (wanted) => {
      input.value = values.indexOf(wanted);
      say();
    };
    input.addEventListener("input", say);
    const node = element("div", { class: "learn-control" },
      element("label", { for: input.id }, label, " ", output), input);
    return { node, value, set };
  }

  lenet.page.begin("learn", () => new LearnPage().build());
}
