"use strict";
// The page "Watch it learn": sliders and buttons, a step a frame, and what each step changed.

{
  const { element } = lenet.page;
  const { startTraining, step, evaluate, gradientLength } = lenet.training;
  const RATES = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 30];
  const BATCHES = [1, 2, 5, 10, 20, 50, 100, 200];
  const MOMENTA = [0, 0.5, 0.8, 0.9, 0.95, 0.99];
  const MOST_STEPS = 3000; // after which it stops by itself
  const HUNDRED = 100; // steps of a button
  const AT_ONCE = 500; // steps that "Start" takes for readers who want no motion
  const SLICE = 12; // ms of work before the page gets its turn
  const SEEDS = 2 ** 32; // so many there are

  // Networks by name: what the menu says, and settings with which each learns well.
  const CHOICES = {
    small: { words: "small network, 32 hidden units", rate: 0.1, batch: 20, momentum: 0 },
    layer: { words: "ten neurons, one a digit", rate: 0.1, batch: 20, momentum: 0 },
    neuron: { words: "one neuron: is it a 0 or a 1?", rate: 1, batch: 200, momentum: 0 },
  };
  const WRONG = ["diverged", "climbing", "allDead", "overfitting", "rebounding"]; // kinds of verdicts

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
        element("div", { class: "network-bar learn-buttons" }, Object.values(this.buttons)),
        this.curves.node,
        element("div", { class: "learn-verdict" }, this.sentence, this.note),
        this.facts, this.table, this.maps.node);
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
        step: button("One step", () => this.add(1)),
        hundred: button(`${HUNDRED} steps`, () => this.add(HUNDRED)),
        epoch: button("One epoch", () => this.add(this.stepsOfEpoch())),
        reset: button("Reset", () => this.reset()),
      };
    }

    makeReadings() {
      this.curves = new lenet.Curves();
      this.sentence = element("p", { class: "learn-sentence" });
      this.note = element("p", {}); // why it is so
      this.facts = element("p", { class: "network-note learn-facts" });
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
      this.history = { batch: [], sizes: [], train: [], held: [] };
      this.measure();
      this.maps.begin(this.training);
      this.stop();
    }

    get settings() {
      return Object.fromEntries(Object.entries(this.sliders).map(([name, { value }]) => [name, value()]));
    }

    // How many steps it takes to the end of the epoch: of the one that the steps still to take end in,
    // or, where they end with it, of the next.
    stepsOfEpoch() {
      const { waiting, train } = this.training, { batch } = this.settings;
      const whole = Math.ceil(train.labels.length / batch), left = Math.ceil(waiting.length / batch);
      const beyond = this.ahead - left;
      return beyond < 0 ? -beyond : whole - (beyond % whole);
    }

    // Steps still to take, if it is known how many.
    get ahead() {
      return Number.isFinite(this.left) ? this.left : 0;
    }

    // So many steps more. After "Start", the last ones.
    add(steps) {
      this.run(this.ahead + steps);
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
      const { history, training, settings } = this, waiting = training.waiting.length || training.train.labels.length;
      history.batch.push(step(training, settings));
      history.sizes.push(Math.min(settings.batch, waiting));
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
      lenet.page.announce(`Step ${this.training.steps}. ${this.sentence.textContent} ${this.note.textContent} Right: ${percent(1 - train.at(-1).wrong)} of the training digits, ${percent(1 - held.at(-1).wrong)} of those held out.`);
    }

    relabel() {
      const { reset, start, ...others } = this.buttons, ended = this.ended();
      start.textContent = this.left ? "Pause" : lenet.page.reducedMotion() ? `${AT_ONCE} steps` : "Start";
      for (const one of [start, ...Object.values(others)]) one.disabled = ended && !this.left;
    }

    // Everything that a step changes.
    show() {
      const { training, history, settings } = this, { kind, text, note } = lenet.verdict(training, history, settings);
      const full = training.steps >= MOST_STEPS ? ` It stops here, after ${MOST_STEPS} steps.` : "";
      this.sentence.textContent = text + full;
      this.sentence.dataset.kind = kind;
      this.sentence.classList.toggle("network-wrong", WRONG.includes(kind));
      this.note.textContent = note;
      this.showFacts();
      this.curves.draw(training, history, this.before);
      this.maps.show(training);
    }

    showFacts() {
      const { training, history } = this, { train, held } = history, parts = { train, held };
      const last = training.steps ? `; the batch had the loss ${lenet.inWords(history.batch.at(-1))}, and its gradient, all slopes together, the length ${lenet.inWords(gradientLength(training))}` : "";
      this.facts.textContent = `Step ${training.steps}, epoch ${training.epochs}${last}.`;
      const row = (head, ...cells) =>
        element("tr", {}, element("th", { scope: "row" }, head), cells.map((cell) => element("td", {}, cell)));
      const rows = Object.entries(parts).map(([name, line]) => {
        const count = training[name].labels.length, { loss, wrong } = line.at(-1);
        const head = name === "train" ? "training digits" : "held out";
        return row(head, lenet.inWords(loss).replace("less than", "<"), `${Math.round(wrong * count)} of ${count}`, percent(1 - wrong));
      });
      this.table.replaceChildren(
        element("thead", {}, element("tr", {}, ["digits", "loss", "wrong", "right"].map((head) => element("th", { scope: "col" }, head)))),
        element("tbody", {}, rows));
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
