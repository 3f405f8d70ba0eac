"use strict";
// Look into a network at three levels: all its layers, one layer, one number.
//
//     const view = lenet.showLayers(element, network, { input, ...network.forward(input) });
//     view.update({ input, ...network.forward(input) }); // with every stroke
//
// Its scripts, in their order: ops.js, networks.js, weights/digits.js, page.js, stages.js,
// explain.js, layer_maps.js, layer_lines.js, layer_way.js, layer_number.js, layer_views.js,
// layers.js; and the style sheets page.css and layers.css.

{
  const { element, announce, onceAFrame, rampBar } = lenet.page;
  const { stagesOf, largestPlace, limitsOver } = lenet.stages;
  const { sentence, strongestBefore } = lenet.explain;
  const NETWORK = 0, LAYER = 1, NUMBER = 2; // the levels
  const FIRST = 1; // the stage of the first example
  const NOTHING = "Draw something, and here is every layer of the network.";
  const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const within = (value, low, high) => Math.min(high, Math.max(low, value));

  const views = new WeakMap(); // element -> what it shows

  // Show the layers of a LeNet-5 in an element, in place of what is there. `outputs` is name ->
  // tensor as `forward` returns them, and `input`; or null, where there is no picture. Returns a
  // view: its `update(outputs)` shows the same network on another picture, `update(outputs,
  // network)` another network. An element that shows layers already is only updated.
  function showLayers(place, network, outputs) {
    if (!views.has(place)) {
      views.set(place, new Layers());
      place.classList.add("network");
      place.replaceChildren(views.get(place).root);
    }
    views.get(place).update(outputs, network);
    return views.get(place);
  }

  class Layers {
    constructor() {
      this.network = this.stages = null;
      this.level = NETWORK;
      this.place = null; // the chosen number
      this.way = []; // the numbers from which the reader came to it, each of a later stage
      this.hasChosen = false; // the reader; until then it is the largest of the first layer
      this.pointed = null; // the number under the mouse or finger
      this.window = null; // the map whose products are written out; null: the one that counts most
      this.build();
      this.drawSoon = onceAFrame(() => this.draw());
      const resized = () => this.room !== this.root.clientWidth && this.drawSoon();
      new ResizeObserver(resized).observe(this.root);
    }

    build() {
      const levels = ["Network", "One layer", "One number"].map((name, level) =>
        element("button", { type: "button", onclick: () => this.go(this.place, level) }, name));
      const bar = { class: "network-bar", role: "group", "aria-label": "Level" };
      this.levels = element("div", bar, levels);
      this.words = element("p", { class: "layers-words" });
      this.near = new lenet.NearView({
        go: (place, level) => this.go(place, level),
        point: (place) => this.point(place),
        chooseWindow: (channel) => this.chooseWindow(channel),
        turn: (by) => this.turn(by),
        nearer: () => this.go(this.place, NUMBER),
        follow: () => this.follow(),
      });
      this.views = element("div", {}, this.near.node);
      this.root = element("div", { class: "layers", onkeydown: (event) => this.key(event) },
        element("p", {}, "Three levels: the network, one layer, one number. Point at any value to ",
          "see what it is computed from; click, tap or Enter goes nearer, Escape goes back, ",
          "step by step, the arrow keys move."),
        this.levels, this.words, this.views, legend());
    }

    buildNetwork() {
      this.all?.node.remove();
      this.all = new lenet.NetworkView(this.stages, {
        point: (stage, at) => this.point(at && { stage, ...at }),
        open: (stage, at) => this.go(at ? { stage, ...at } : this.exampleOf(stage), LAYER),
        enter: (stage) => this.choose(this.exampleOf(stage)),
      });
      this.views.prepend(this.all.node);
    }

    update(outputs, network = this.network) {
      this.levels.hidden = this.views.hidden = !outputs;
      this.stages = outputs && stagesOf(network, outputs);
      if (!outputs) {
        this.words.textContent = NOTHING;
        return;
      }
      if (network !== this.network) {
        this.network = network;
        this.hasChosen = false; // the old place may lie outside
        this.pointed = this.window = null;
        this.way = [];
        this.limits = limitsOver(network, lenet.page.exampleDigits().map(lenet.asInput));
        this.buildNetwork();
      }
      this.stages.forEach((stage, n) => (stage.limits = this.limits[n]));
      if (!this.hasChosen) this.place = largestPlace(this.stages, this.place?.stage ?? FIRST);
      this.draw();
    }

    draw() {
      this.room = this.root.clientWidth;
      if (!this.stages || !this.room) return; // wiped or hidden since this frame was asked for
      const { stages, level, room, window, way, place: chosen } = this, place = this.pointed ?? chosen;
      this.all.node.hidden = level !== NETWORK;
      this.near.node.hidden = level === NETWORK;
      if (level === NETWORK) this.all.draw(stages, place, room);
      else this.near.draw(stages, place, { level, room, window, way, chosen });
      this.words.textContent = sentence(stages, place);
      for (const [n, button] of [...this.levels.children].entries()) {
        button.setAttribute("aria-pressed", String(n === level));
      }
    }

    // What is chosen

    // A number of a stage worth looking at: the chosen one where it lies there, else the largest.
    exampleOf(stage) {
      return this.place.stage === stage ? this.place : largestPlace(this.stages, stage);
    }

    choose(place) {
      if (place.stage !== this.place.stage) this.window = null;
      this.hasChosen = true;
      this.place = place;
      this.pointed = null;
      this.draw();
    }

    // Go to a number, at this level or another. The way begins anew in the picture of the network.
    go(place, level = this.level) {
      const isOther = level !== this.level;
      const came = this.level === NETWORK || level === NETWORK ? [] : [...this.way, this.place];
      this.way = came.filter(({ stage }) => stage > place.stage);
      this.level = level;
      this.choose(place);
      if (level === NETWORK) this.all.focus(place.stage);
      else this.near.focus();
      if (isOther && this.root.getBoundingClientRect().top < 0) this.root.scrollIntoView();
      announce(sentence(this.stages, place));
    }

    // Show another number while the pointer is over it; null: the chosen one again.
    point(place) {
      if (place === this.pointed) return;
      this.pointed = place;
      this.drawSoon();
    }

    // To where most of the chosen number comes from; a pixel comes from nowhere.
    follow() {
      const before = strongestBefore(this.stages, this.place);
      if (before) this.go(before);
    }

    chooseWindow(channel) {
      this.window = channel;
      this.draw();
    }

    turn(by) {
      const [count] = this.stages[this.place.stage].values.shape;
      this.choose({ ...this.place, channel: (this.place.channel + by + count) % count });
      announce(sentence(this.stages, this.place));
    }

    // Keys

    key(event) {
      if (!this.stages || event.ctrlKey || event.metaKey || event.altKey) return;
      let isOurs = false;
      if (event.key === "Escape") isOurs = this.escape();
      else if (event.target.tagName !== "CANVAS") return; // a button has its own keys
      else if (this.level === NETWORK) isOurs = this.keyInNetwork(event.key);
      else isOurs = this.keyInMap(event.key);
      if (isOurs) event.preventDefault(); // the page does not scroll as well
    }

    escape() {
      if (this.level === NETWORK) return false;
      if (this.way.length) this.go(this.way.at(-1));
      else this.go(this.place, this.level - 1);
      return true;
    }

    keyInNetwork(key) {
      const last = this.stages.length - 1, { stage } = this.place;
      if (key === "Enter" || key === " ") this.go(this.place, LAYER);
      else if (key === "Home" || key === "End") this.all.focus(key === "Home" ? 0 : last);
      else if (MOVES[key]) this.all.focus(within(stage + MOVES[key][0] + MOVES[key][1], 0, last));
      else return false;
      return true;
    }

    keyInMap(key) {
      const isTurn = key === "PageUp" || key === "PageDown";
      if (key === "Enter" || key === " ") this.go(this.place, NUMBER);
      else if (isTurn) this.turn(key === "PageUp" ? -1 : 1);
      else if (MOVES[key]) this.move(...MOVES[key]);
      else return false;
      return true;
    }

    // To the next number of a map; in a layer of single numbers, to the next of those.
    move(down, across) {
      const { place } = this, [count, height, width] = this.stages[place.stage].values.shape;
      const { columns } = this.near.map.maps.layout;
      if (height * width === 1) {
        const channel = within(place.channel + down * columns + across, 0, count - 1);
        this.choose({ ...place, channel });
      } else {
        const row = within(place.row + down, 0, height - 1);
        this.choose({ ...place, row, column: within(place.column + across, 0, width - 1) });
      }
      announce(sentence(this.stages, this.place));
    }
  }

  function legend() {
    const ramp = (kind, words) => element("li", {}, rampBar(kind), ` ${words}`);
    return element("ul", { class: "layers-legend network-note" },
      ramp("conv2d", "convolution"), ramp("maxPool2d", "pooling"), ramp("linear", "dense layer"),
      element("li", {}, "light and dark: the smallest and the largest number that ten example digits give in a layer, ",
        "the same for every drawing"),
      element("li", {}, element("span", { class: "layers-mark", "aria-hidden": "true" }),
        " what the chosen number is computed from"));
  }

  lenet.showLayers = showLayers;
}
