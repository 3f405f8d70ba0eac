"use strict";
// The two pictures of showLayers: the whole network, and the way from the digit to one map. Both
// draw what they are told; layers.js knows what is chosen. They need layer_maps.js, layer_lines.js,
// layer_way.js and layer_number.js.

{
  const { element, limitsOf, legend, rangeOf } = lenet.page;
  const { regionsOf } = lenet.stages;
  const { explain, strongestWindow, placeName, number, percent } = lenet.explain;
  const MANY = 20; // so many maps are drawn large, more of them small
  const NUMBER = 2; // the level

  // All layers, from the digit to the probabilities, each a figure that can be pointed at.
  class NetworkView {
    // `act` has point(stage, place or null), open(stage, place or null) and enter(stage).
    constructor(stages, act) {
      this.figures = stages.map((stage, n) => networkFigure(stage, n, act));
      const parts = this.figures.map(({ node }, n) => {
        const { step } = stages[n];
        const arrow = element("span", { class: "layers-step", "aria-hidden": "true" }, step);
        return element("div", { class: "layers-stage" }, n ? arrow : null, node);
      });
      this.node = element("div", {
        class: "layers-network", role: "group", "aria-label": "All layers of the network",
      }, parts);
      this.lines = new lenet.WindowLines(this.node);
      this.node.append(this.lines.element);
    }

    draw(stages, place, room) {
      const regions = regionsOf(stages, place);
      stages.forEach((stage, n) => {
        const { maps, caption } = this.figures[n], [count, height, width] = stage.values.shape;
        const scale = height * width === 1 ? 10 : count > MANY ? 2 : 4;
        paint(maps, stages, n, { scale, most: room, bars: 4 });
        if (regions[n]) maps.mark(regions[n], n === place.stage);
        maps.canvas.tabIndex = n === place.stage ? 0 : -1;
        const [low, high] = limitsOf(stage.values);
        const range = `${number(low)} to ${number(high)}`;
        if (!isNamed(stages, n)) caption.lastChild.textContent = range;
      });
      const [from, to] = [place.stage - 1, place.stage].map((n) => this.figures[n]?.maps);
      this.lines.draw(from, regions.at(-2), to, regions.at(-1));
    }

    focus(stage) {
      this.figures[stage].maps.canvas.focus();
    }
  }

  function networkFigure(stage, n, act) {
    const by = stage.step ? `, by ${stage.step}` : "";
    const maps = new lenet.LayerMaps({
      role: "button",
      "aria-label": `${stage.title}: ${sizeOf(stage)}${by}. Enter opens it`,
      onpointermove: (event) => act.point(n, maps.at(event)),
      onpointerleave: () => act.point(n, null),
      // A click by a screen reader has no place.
      onclick: (event) => act.open(n, event.detail ? maps.at(event) : null),
      onfocus: () => act.enter(n),
    });
    const words = [stage.title, sizeOf(stage), ""];
    return figure(maps, words.map((one, k) => element(k ? "span" : "strong", {}, one)));
  }

  // One map, what it is computed from, and, at the nearest level, one of its numbers written out.
  class NearView {
    // `act` has go(place, level), point(place or null), chooseWindow(channel), turn(by), nearer(),
    // follow().
    constructor(act) {
      this.act = act;
      const panel = (attributes) => figure(new lenet.LayerMaps(attributes));
      for (const name of ["digit", "before", "kernel", "all"]) this[name] = panel({ role: "img" });
      this.map = panel({ role: "application", tabindex: "0", class: "layers-maps layers-map" });
      const button = (words, onclick) => element("button", { type: "button", onclick }, words);
      this.turn = [
        button("Previous map", () => act.turn(-1)), button("Next map", () => act.turn(1)),
      ];
      this.nearer = button("Write this number out", act.nearer);
      this.follow = button("Where does most of it come from?", act.follow);
      this.way = new lenet.Way((place) => act.go(place));
      this.sum = element("div");
      const panels = [this.digit, this.before, this.kernel, this.map, this.all];
      this.node = element("div", { class: "layers-near" },
        // The button that is pressed again and again comes first: nothing moves it away.
        element("div", { class: "network-bar" }, this.follow, this.nearer, this.turn),
        this.way.element, element("div", { class: "network-row" }, panels.map(({ node }) => node)), this.sum);
      this.listenBefore();
      this.listenMap();
    }

    // A click on what lies before the map, or on another map, goes there.
    listenBefore() {
      const stageOf = [
        [this.digit, () => 0], [this.before, () => this.place.stage - 1],
        [this.all, () => this.place.stage],
      ];
      for (const [{ maps }, stage] of stageOf) {
        maps.canvas.addEventListener("click", (event) => {
          const at = maps.at(event);
          if (at) this.act.go({ stage: stage(), ...at });
        });
      }
    }

    // On the map itself the mouse points, a finger points where it slides, and a tap goes nearer.
    listenMap() {
      const { maps, maps: { canvas } } = this.map;
      const at = (event) => {
        const found = maps.at(event);
        return found && { stage: this.place.stage, ...found };
      };
      let start = null;
      canvas.addEventListener("pointerdown", (event) => (start = event));
      canvas.addEventListener("pointermove", (event) => this.act.point(at(event)));
      canvas.addEventListener("pointerleave", () => this.act.point(null));
      canvas.addEventListener("pointerup", (event) => {
        if (!start || !at(event)) return;
        const moved = Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY);
        start = null;
        this.act.go(at(event), moved < 6 ? NUMBER : undefined);
      });
    }

    // `window` is the map before whose products are written out, or null; `way` the places from
    // which the reader came, and `chosen` the one where the way ends.
    draw(stages, place, { level, room, window, way, chosen }) {
      this.place = place;
      this.way.draw(stages, way, chosen);
      const regions = regionsOf(stages, place), isNear = level === NUMBER;
      this.drawDigit(stages, regions, isNear || room < 500 ? 4 : 5);
      this.drawBefore(stages, place, regions, { room, window, isNear });
      this.drawKernel(stages, place, { room, isNear });
      this.drawMap(stages, place, { room, isNear });
      this.drawAll(stages, place, { room, isNear });
      this.drawButtons(stages, place, isNear);
      this.writeSum(stages, place, isNear, window);
    }

    drawDigit(stages, regions, scale) {
      this.digit.node.hidden = regions.length === 1; // the place is in the digit itself
      paint(this.digit.maps, stages, 0, { scale });
      this.digit.maps.mark(regions[0]);
      say(this.digit, "What it sees of the digit");
    }

    drawBefore(stages, { stage: n, ...place }, regions, { room, window, isNear }) {
      this.before.node.hidden = n < 2;
      if (n < 2) return;
      const { values: { shape }, title } = stages[n - 1], { maps } = this.before;
      const only = regions[n - 1].channel; // a pooling has one map before it, a kernel all of them
      const scale = only === null ? scaleOf(shape) : Math.floor(120 / shape[2]);
      paint(maps, stages, n - 1, { scale, most: room, only, bars: 5 });
      maps.mark(regions[n - 1]);
      if (isNear && stages[n].kind === "conv2d") { // the one map whose products are written out
        const channel = window ?? strongestWindow(explain(stages, { stage: n, ...place })).channel;
        maps.mark({ channel, top: 0, left: 0, bottom: shape[1], right: shape[2] });
      }
      say(this.before, `Before: ${title.toLowerCase()}${only === null ? "" : `, map ${only + 1}`}`);
    }

    // The weights of one kernel, or of one unit, in the form of the maps that they multiply.
    drawKernel(stages, { stage: n, channel }, { room, isNear }) {
      const { layer, kind } = stages[n], weight = layer?.weight;
      this.kernel.node.hidden = isNear || !weight;
      if (this.kernel.node.hidden) return;
      const isUnit = kind === "linear";
      const shape = isUnit ? stages[n - 1].values.shape : weight.shape.slice(1);
      const size = shape[0] * shape[1] * shape[2];
      const own = { shape, data: weight.data.subarray(channel * size, (channel + 1) * size) };
      this.kernel.maps.paint(own, { kind, scale: scaleOf(shape), most: room, signed: true });
      const name = isUnit ? `Weights of ${placeName(stages, { stage: n, channel })}`
        : `Kernel of map ${channel + 1}`;
      const about = { range: rangeOf(own), signed: true, label: "weight", digits: 2 };
      say(this.kernel, name, legend(about));
    }

    drawMap(stages, { stage: n, channel, row, column }, { room, isNear }) {
      const { values: { shape: [count, height, width] }, title } = stages[n];
      const isMaps = height * width > 1, side = Math.min(room - 2, isNear ? 170 : 290);
      const large = isNear ? { scale: 14, bars: 5 } : { scale: 24, bars: 7 };
      if (isMaps) large.scale = Math.min(48, Math.floor(side / width));
      paint(this.map.maps, stages, n, { ...large, most: room, only: isMaps ? channel : null });
      const place = { channel, top: row, left: column, bottom: row + 1, right: column + 1 };
      this.map.maps.mark(place, true);
      const name = `${title}${isMaps && count > 1 ? `, map ${channel + 1} of ${count}` : ""}`;
      say(this.map, name);
      const turns = isMaps ? ", Page Up and Page Down from map to map" : "";
      this.map.maps.canvas.setAttribute("aria-label",
        `${name}. Arrow keys move from number to number${turns}, Enter goes nearer, Escape back`);
    }

    drawAll(stages, { stage: n, channel }, { room, isNear }) {
      const [count, height, width] = stages[n].values.shape;
      this.all.node.hidden = isNear || height * width === 1 || count === 1;
      if (this.all.node.hidden) return;
      const scale = Math.max(2, Math.floor((count > MANY ? 30 : 48) / width));
      paint(this.all.maps, stages, n, { scale, most: room });
      this.all.maps.mark({ channel, top: 0, left: 0, bottom: height, right: width }, true);
      say(this.all, `All ${count} maps: choose one`);
    }

    drawButtons(stages, { stage: n }, isNear) {
      const [count, height, width] = stages[n].values.shape;
      for (const button of this.turn) button.hidden = height * width === 1 || count === 1;
      this.nearer.hidden = isNear;
      // It stays where it is, and keeps the keys' focus, also where there is nothing to follow.
      this.follow.setAttribute("aria-disabled", String(n === 0));
    }

    // Written anew; a button that had the keys' focus has it again.
    writeSum(stages, place, isNear, window) {
      const focused = document.activeElement;
      const key = this.sum.contains(focused) ? focused.dataset.key : null;
      const { go, chooseWindow } = this.act;
      const parts = isNear ? [lenet.writeNumber(stages, place, { window, chooseWindow, go })] : [];
      this.sum.replaceChildren(...parts);
      if (key) this.sum.querySelector(`[data-key="${key}"]`)?.focus();
    }

    // The keys' focus goes to the map, but stays on a button that leads from number to number.
    focus() {
      const { activeElement } = document;
      if (activeElement === this.follow || this.way.holds(activeElement)) return;
      this.map.maps.canvas.focus({ preventScroll: true });
    }
  }

  // A figure of maps with a caption.
  function figure(maps, words = []) {
    const caption = element("figcaption", {}, words);
    const node = element("figure", { class: "layers-figure" }, maps.canvas, caption);
    return { maps, caption, node };
  }

  function say({ maps, caption }, words, ...more) {
    caption.replaceChildren(words, ...more);
    if (maps.canvas.getAttribute("role") === "img") maps.canvas.setAttribute("aria-label", words);
  }

  // The last two stages are a number for each digit: bars.
  const isNamed = (stages, n) => n >= stages.length - 2;

  // `bars` is the scale of a stage of bars, `scale` that of all others.
  function paint(maps, stages, n, { scale, bars, most, only }) {
    const { kind, values, limits } = stages[n];
    if (!isNamed(stages, n)) return maps.paint(values, { kind, limits, scale, most, only });
    const text = kind === "softmax" ? percent : (value) => number(value);
    maps.paintBars(values, { kind, limits, scale: bars, text });
  }

  // Pixels for a number, so that the maps before a layer, or a kernel's parts, stand side by side.
  function scaleOf([count, height, width]) {
    if (height * width === 1) return 12;
    return Math.max(2, Math.floor((count === 1 ? 120 : count > MANY ? 30 : 60) / width));
  }

  function sizeOf({ values: { shape: [count, height, width] }, kind }) {
    if (kind === "input") return `${height} × ${width}`;
    return height * width === 1 ? `${count} numbers` : `${count} maps, ${height} × ${width}`;
  }

  Object.assign(lenet, { NetworkView, NearView });
}
