"use strict";
// The page "Draw a digit": the paper, beside it what the network sees and what it says, below it
// other networks, the reader's own test set, and the layers.

{
  const { element, drawMap } = lenet.page;
  const SIDE = 28;
  const NOTHING = "Draw something.";
  const STEPS = {
    grey: "grey", evenLight: "in even light", ink: "ink", cutOut: "cut out", box: "in 20x20", centred: "centred by mass",
  };
  const REST = 700; // ms without a change, after which the answer is said aloud

  // The drawing as it is, without to_mnist: ImageData of a square paper -> (28, 28), ink bright. Each
  // pixel is the mean darkness of its square.
  function asItIs({ width, data }) {
    const size = width / SIDE, sums = new Float64Array(SIDE ** 2);
    for (let place = 0; place < width ** 2; place++) {
      const row = Math.floor(Math.floor(place / width) / size), column = Math.floor((place % width) / size);
      const grey = (data[4 * place] * 299 + data[4 * place + 1] * 587 + data[4 * place + 2] * 114) / 1000;
      sums[row * SIDE + column] += 255 - grey;
    }
    return { shape: [SIDE, SIDE], data: Uint8Array.from(sums, (sum) => Math.round(sum / size ** 2)) };
  }

  // What the network gets of the paper: {picture, steps}, or {problem}: the sentence why it gets none.
  function seen(paper, centring) {
    if (paper.isEmpty) return { problem: NOTHING };
    if (!centring) return { picture: asItIs(paper.pixels()) };
    try {
      const steps = lenet.toMnist(paper.opened ?? paper.pixels());
      return { picture: steps.centred, steps };
    } catch (error) {
      if (!(error instanceof lenet.PictureError)) throw error;
      return { problem: error.message };
    }
  }

  const folded = (words, inside, onToggle = null) =>
    element("details", { class: "network-folded", ontoggle: onToggle && ((event) => onToggle(event.target.open)) },
      element("summary", {}, words), inside);

  class DrawPage {
    constructor(place) {
      this.place = place;
      this.update = lenet.page.onceAFrame(() => this.show());
      this.paper = new lenet.Paper({
        label: "Paper. Draw with mouse, pen or finger; or move the pen with the arrow keys and put it down and lift it with Space.",
        onChange: (finished) => this.changed(finished),
      });
      this.comparison = new lenet.Comparison({ onChange: () => this.changed(true) });
      this.collection = new lenet.Collection({ comparison: this.comparison, onKept: () => this.paper.clear() });
      this.examples = lenet.page.exampleDigits().map(lenet.asPicture);
      this.problem = element("p", { class: "network-wrong", role: "alert", hidden: true });
      this.makeAnswer();
      this.layers = element("div", { hidden: true });
      this.wait = element("p", {}, "Draw something, or press a key from 0 to 9, and its way through all layers appears here.");
      this.listen();
    }

    // The parts of the page, in their order.
    build() {
      return element("div", {},
        element("div", { class: "network-desk" }, this.paper.canvas, this.sight, this.answerBox, this.tools()), this.problem,
        element("p", { class: "network-note" }, "Without a mouse: Tab to the paper; the arrow keys move the pen, Space puts it down and lifts it. ",
          "Nothing that you draw or open leaves this page: it asks no server, and it keeps nothing when you close it."),
        folded("From the drawing to 28x28, step by step", this.steps, (open) => {
          this.stepsOpen = open;
          this.update();
        }),
        folded("Compare networks, and load your own", this.comparison.element),
        folded("Collect your own test set", this.collection.element),
        element("h2", {}, "Inside the network"), this.wait, this.layers);
    }

    tools() {
      const width = element("input", { type: "range", min: "6", max: "60", value: String(this.paper.penWidth), id: "network-pen",
        oninput: () => (this.paper.penWidth = Number(width.value)) });
      const file = element("input", { type: "file", accept: "image/*", id: "network-picture", class: "network-hidden",
        onchange: () => this.open(file.files[0]).then(() => (file.value = "")) });
      const press = (words, does) => element("button", { type: "button", onclick: does }, words);
      return element("div", { class: "network-tools" },
        element("div", { class: "network-bar" },
          press("Undo", () => this.paper.undo()), press("Clear", () => this.paper.clear()),
          element("label", { for: width.id }, "Pen"), width,
          element("span", {}, file, element("label", { for: file.id, class: "network-button" }, "Open a picture …")),
          element("span", { class: "network-note" }, "or drop or paste one")),
        element("div", { class: "network-bar", role: "group", "aria-label": "Example digits" },
          element("span", { class: "network-note" }, "Examples, also by the keys:"),
          this.examples.map((_, digit) => element("button", { type: "button", class: "network-small",
            "aria-label": `Example ${digit}`, onclick: () => this.example(digit) }, String(digit)))));
    }

    // What the network sees, and what it says.
    makeAnswer() {
      this.map = element("canvas", { width: SIDE, height: SIDE, class: "network-map network-seen", role: "img" });
      this.plain = element("input", { type: "checkbox", id: "network-plain", onchange: () => this.changed(true) });
      this.steps = element("div", { class: "network-row" });
      this.sight = element("div", { class: "network-sight" },
        element("p", { class: "network-title" }, "What the network sees"), this.map,
        element("p", { class: "network-choice" }, this.plain, element("label", { for: this.plain.id }, "without centring: the paper as it is")));
      this.words = element("p", { class: "network-verdict" });
      this.bars = element("div", {});
      this.answerBox = element("div", { class: "network-says" }, element("p", { class: "network-title" }, "What it says"), this.words, this.bars);
    }

    listen() {
      this.place.addEventListener("keydown", (event) => this.key(event));
      // Anywhere: beside the paper the browser would leave the page to show the file.
      document.addEventListener("dragover", (event) => event.preventDefault());
      document.addEventListener("drop", (event) => {
        event.preventDefault();
        this.open(event.dataTransfer.files[0]);
      });
      document.addEventListener("paste", (event) => this.open(event.clipboardData?.files[0]));
    }

    // 0 to 9 and Ctrl+Z work while something of this part of the page has the focus.
    key(event) {
      if ((event.ctrlKey || event.metaKey) && event.key === "z") this.paper.undo();
      else if (!event.ctrlKey && !event.metaKey && !event.altKey && /^[0-9]$/.test(event.key)) this.example(Number(event.key));
      else return;
      event.preventDefault();
    }

    example(digit) {
      this.paper.put(this.examples[digit]);
    }

    // A picture's file, or none. Weights that were dropped here go where they belong.
    async open(file) {
      if (!file) return;
      if (file.name.endsWith(".safetensors")) return this.comparison.open(file);
      try {
        this.paper.putPicture(await lenet.openPicture(file));
      } catch (error) {
        if (!(error instanceof lenet.CourseError)) throw error;
        this.problem.textContent = `${file.name} was not taken. ${error.message}`;
        this.problem.hidden = false;
      }
    }

    changed(finished) {
      this.problem.hidden = true;
      this.update();
      clearTimeout(this.rest);
      if (finished) this.rest = setTimeout(() => lenet.page.announce(this.words.textContent), REST);
    }

    // Bring everything up to date with the paper and the networks.
    show() {
      const { picture = null, steps, problem } = seen(this.paper, !this.plain.checked);
      const prediction = this.comparison.show(picture);
      drawMap(this.map, picture ?? lenet.zeros([SIDE, SIDE]), { range: 255 });
      this.map.setAttribute("aria-label", picture ? "The drawing in 28 by 28 pixels" : "Nothing yet: 28 by 28 empty pixels");
      this.showAnswer(prediction, problem);
      if (this.stepsOpen) this.showSteps(steps);
      this.collection.show(picture);
      this.showLayers(picture && { input: lenet.asInput(picture), ...prediction.layers });
    }

    // The layers below, from the first drawing on; without one they would show what nothing causes.
    showLayers(outputs) {
      this.layers.hidden = !outputs;
      this.wait.hidden = Boolean(outputs);
      if (!outputs) return;
      const { network } = this.comparison;
      if (this.view) this.view.update(outputs, network);
      else this.view = lenet.showLayers(this.layers, network, outputs);
    }

    showAnswer(prediction, problem) {
      const { network } = this.comparison;
      if (this.shown !== network) {
        this.shown = network;
        this.table = new lenet.Bars(network.classes, "Probability of each digit");
        this.bars.replaceChildren(this.table.element);
      }
      this.table.show(prediction);
      this.words.textContent = problem ?? lenet.answerWords(prediction);
      this.words.classList.toggle("network-unsure", Boolean(problem ?? prediction.unsure));
    }

    showSteps(steps) {
      const figures = Object.entries(steps ? STEPS : {}).map(([name, words]) =>
        element("div", { class: "network-step" }, drawMap(element("canvas"), upright(name, steps[name])), element("div", {}, words)));
      this.steps.replaceChildren(...(figures.length ? figures : ["Draw something, and leave the centring on."]));
    }
  }

  // `grey` is brightness, 0 black; all that follows is ink. Shown alike: ink dark.
  const upright = (name, image) =>
    name === "grey" ? { shape: image.shape, data: image.data.map((value) => 255 - value) } : image;

  if (document.getElementById("draw")) {
    lenet.page.begin("draw", (place) => {
      const page = new DrawPage(place);
      page.update();
      return page.build();
    });
  }

  Object.assign(lenet, { asItIs });
}
