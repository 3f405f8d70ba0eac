"use strict";
// The page "Draw a digit": the paper, beside it what the network sees and what it says, below it
// other networks, the reader's own test set, and the layers.

{
  const { element, drawMap } = lenet.page;
  const SIDE = 28;
  const NOTHING = "Draw something.";
  const STEPS_NOTE = "The first three are for photographs: colours go, then shadows, then all that is too faint for ink. On this paper there is none of that, and they look alike.";
  const STEPS = { grey: "grey", evenLight: "in even light", ink: "ink", cutOut: "cut out" };
  // The last two steps, done or left out.
  const boxWords = (scaling) => (scaling ? "in 20x20" : "not scaled");
  const centredWords = (centring) => (centring ? "centred by mass" : "not centred");
  const REST = 700; // ms without a change, after which the answer is said aloud

  // What the network gets of the paper: {picture, steps}, or {problem}: the sentence why it gets none.
  function seen(paper, switches) {
    if (paper.isEmpty) return { problem: NOTHING };
    try {
      const steps = lenet.placed(lenet.toMnist(paper.opened ?? paper.pixels()), switches);
      return { picture: steps.centred, steps };
    } catch (error) {
      if (!(error instanceof lenet.PictureError)) throw error;
      return { problem: error.message };
    }
  }

  // Does the reader write something, so that a digit is a digit?
  const isWriting = (target) => target.isContentEditable
    || target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=range], [type=file])");

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
      this.collection = new lenet.Collection({ comparison: this.comparison, onKept: () => this.paper.clear(), toPaper: () => this.toPaper() });
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
        folded("From the drawing to 28x28, step by step", [this.steps, element("p", { class: "network-note" }, STEPS_NOTE)], (open) => {
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
        this.exampleButtons());
    }

    // Pictures, so that nobody takes them for the labels of "Collect". Who needs the keys 0 to 9 for
    // something else (speech, a browser's own shortcuts) can switch them off here.
    exampleButtons() {
      this.byKeys = element("input", { type: "checkbox", id: "network-keys", checked: true });
      const button = (picture, digit) => element("button", { type: "button", class: "network-example",
        "aria-label": `Example ${digit}`, title: `Key ${digit}`, onclick: () => this.example(digit) }, lenet.asPicture(picture));
      return element("div", { class: "network-bar", role: "group", "aria-label": "Example digits" },
        element("span", { class: "network-note" }, "Examples:"), lenet.page.exampleDigits().map(button),
        element("span", {}, this.byKeys, element("label", { for: this.byKeys.id, class: "network-note" }, "also by the keys 0 to 9")));
    }

    // What the network sees, and what it says.
    makeAnswer() {
      this.map = element("canvas", { width: SIDE, height: SIDE, class: "network-map network-seen", role: "img" });
      const leftOut = (name) => (this[name] = element("input", { type: "checkbox", id: `network-${name}`, onchange: () => this.changed(true) }));
      const choice = (name, words) => element("p", { class: "network-choice" }, leftOut(name), element("label", { for: `network-${name}` }, words));
      this.steps = element("div", { class: "network-row" });
      this.sight = element("div", { class: "network-sight" },
        element("p", { class: "network-title" }, "What the network sees"), this.map,
        choice("unscaled", "without scaling"), choice("uncentred", "without centring"));
      this.words = element("p", { class: "network-verdict" });
      this.bars = element("div", {});
      this.name = element("p", { class: "network-title" });
      this.rule = element("p", { class: "network-note" });
      this.answerBox = element("div", { class: "network-says" }, this.name, this.words, this.bars, this.rule);
    }

    listen() {
      document.addEventListener("keydown", (event) => this.key(event));
      // Anywhere: beside the paper the browser would leave the page to show the file.
      document.addEventListener("dragover", (event) => event.preventDefault());
      document.addEventListener("drop", (event) => {
        event.preventDefault();
        this.open(event.dataTransfer.files[0]);
      });
      document.addEventListener("paste", (event) => this.open(event.clipboardData?.files[0]));
    }

    // 0 to 9 and Ctrl+Z, wherever on the page the reader is, but not where something is written.
    key(event) {
      if (event.defaultPrevented || isWriting(event.target)) return;
      const withControl = event.ctrlKey || event.metaKey;
      if (withControl && event.key === "z") this.paper.undo();
      else if (this.byKeys.checked && !withControl && !event.altKey && /^[0-9]$/.test(event.key)) this.example(Number(event.key));
      else return;
      event.preventDefault();
    }

    toPaper() {
      this.paper.canvas.scrollIntoView({ block: "center" });
      this.paper.canvas.focus({ preventScroll: true });
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
      const switches = { scaling: !this.unscaled.checked, centring: !this.uncentred.checked };
      const { picture = null, steps, problem } = seen(this.paper, switches);
      const prediction = this.comparison.show(picture);
      drawMap(this.map, picture ?? lenet.zeros([SIDE, SIDE]), { range: 255 });
      this.map.setAttribute("aria-label", picture ? "The drawing in 28 by 28 pixels" : "Nothing yet: 28 by 28 empty pixels");
      this.showAnswer(prediction, problem);
      if (this.stepsOpen) this.showSteps(steps, switches);
      this.collection.show(picture, switches.scaling && switches.centring);
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
      const { network, name } = this.comparison.chosen;
      if (this.shown !== network) {
        this.shown = network;
        this.table = new lenet.Bars(network.classes, "Probability of each digit");
        this.bars.replaceChildren(this.table.element);
        this.name.textContent = `What “${name}” says`;
        this.rule.textContent = lenet.unsureRule(network.facts);
      }
      this.table.show(prediction);
      this.words.textContent = problem ?? lenet.answerWords(prediction);
      this.words.classList.toggle("network-unsure", Boolean(problem ?? prediction.unsure));
    }

    showSteps(steps, { scaling, centring }) {
      const words = { ...STEPS, box: boxWords(scaling), centred: centredWords(centring) };
      const figures = Object.entries(steps ? words : {}).map(([name, caption]) =>
        element("div", { class: "network-step" }, drawMap(element("canvas"), upright(name, steps[name])), element("div", {}, caption)));
      this.steps.replaceChildren(...(figures.length ? figures : ["Draw something, and its steps appear here."]));
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
}
