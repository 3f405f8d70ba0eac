"use strict";
// The two pictures of showLayers: the whole network, and the way from the digit to one map. Both
// draw what they are told; layers.js knows what is chosen. They need layer_maps.js and
// layer_number.js.

{
  const { element, limitsOf, legend, rangeOf } = lenet.page;
  const { regionsOf } = lenet.stages;
  const { placeName, number, percent } = lenet.explain;
  const MANY = 20; // so many maps are drawn large, more of them small
  const NUMBER = 2; // the level

  // All layers, from the digit to the probabilities, each a figure that can be pointed at.
  class NetworkView {
    // `act` has point(stage, place or null), open(stage, place or null) and enter(stage).
    constructor(stages, act) {
      this.figures = stages.map((stage, n) => {
        const maps = new lenet.LayerMaps({
          role: "button", "aria-label": labelOf(stage),
          onpointermove: (event) => event.pointerType === "mouse" && act.point(n, maps.at(event)),
          onpointerleave: () => act.point(n, null),
          onclick: (event) => act.open(n, event.detail ? maps.at(event) : null), // a screen reader's click has no place
          onfocus: () => act.enter(n),
        });
        return figure(maps, element("strong", {}, stage.title), element("span", {}, sizeOf(stage)), element("span"));
      });
      const step = ({ step }) => element("span", { class: "layers-step", "aria-hidden": "true" }, step);
      const parts = this.figures.flatMap(({ node }, n) => (n ? [step(stages[n]), node] : [node]));
      this.node = element("div", { class: "layers-network", role: "group", "aria-label": "All layers of the network" }, parts);
    }

    draw(stages, place, room) {
      const regions = regionsOf(stages, place);
      stages.forEach((stage, n) => {
        const { maps, caption } = this.figures[n], [count, height, width] = stage.values.shape;
        const scale = height * width === 1 ? 12 : count > MANY ? 2 : 4;
        paint(maps, stages, n, { scale, most: room });
        if (regions[n]) maps.mark(regions[n], n === place.stage);
        maps.canvas.tabIndex = n === place.stage ? 0 : -1;
        const [low, high] = limitsOf(stage.values, stage.kind);
        if (!isNamed(stages, n)) caption.lastChild.textContent = `${number(low)} to ${number(high)}`;
      });
    }

    focus(stage) {
      this.figures[stage].maps.canvas.focus();
    }
  }

  // One map, what it is computed from, and, at the nearest level, one of its numbers written out.
  class NearView {
    // `act` has go(place, level), point(place or null), chooseWindow(channel), turn(by), nearer(),
    // follow().
    constructor(act) {
      this.act = act;
      this.digit = figure(new lenet.LayerMaps({ role: "img" }));
      this.before = figure(new lenet.LayerMaps({ role: "img" }));
      this.kernel = figure(new lenet.LayerMaps({ role: "img" }));
      this.all = figure(new lenet.LayerMaps({ role: "img" }));
      this.map = figure(new lenet.LayerMaps({ role: "application", tabindex: "0", class: "layers-maps layers-map" }));
      this.figures = [this.digit, this.before, this.kernel, this.map, this.all];
      const button = (words, onclick) => element("button", { type: "button", onclick }, words);
      this.turn = [button("Previous map", () => act.turn(-1)), button("Next map", () => act.turn(1))];
      this.nearer = button("Write this number out", act.nearer);
      this.follow = button("Where does most of it come from?", act.follow);
      this.sum = element("div");
      this.node = element("div", { class: "layers-near" },
        element("div", { class: "network-bar" }, this.turn, this.nearer, this.follow),
        element("div", { class: "network-row" }, this.figures.map(({ node }) => node)), this.sum);
      this.listen();
    }

    // A click on what lies before, or on another map, goes there; on the map itself, nearer.
    listen() {
      for (const [one, back] of [[this.digit, null], [this.before, 1], [this.all, 0]]) {
        one.maps.canvas.addEventListener("click", (event) => {
          const at = one.maps.at(event), stage = back === null ? 0 : this.place.stage - back;
          if (at) this.act.go({ stage, ...at });
        });
      }
      const canvas = this.map.maps.canvas;
      const at = (event) => {
        const found = this.map.maps.at(event);
        return found && { stage: this.place.stage, ...found };
      };
      let start = null; // where a finger or the mouse went down
      canvas.addEventListener("pointerdown", (event) => {
        start = event;
        if (event.pointerType !== "mouse") canvas.setPointerCapture(event.pointerId);
      });
      canvas.addEventListener("pointermove", (event) => this.act.point(at(event)));
      canvas.addEventListener("pointerleave", () => this.act.point(null));
      canvas.addEventListener("pointerup", (event) => {
        const isTap = start && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) < 6;
        if (start && at(event)) this.act.go(at(event), isTap ? NUMBER : undefined);
        start = null;
      });
    }

    draw(stages, place, { level, room, window }) {
      this.place = place;
      const { stage: n, channel } = place, stage = stages[n], regions = regionsOf(stages, place);
      const [count, height, width] = stage.values.shape, isMaps = height * width > 1;
      const isNear = level === NUMBER;
      this.drawDigit(stages, regions, isNear || room < 500 ? 4 : 5);
      this.drawBefore(stages, n, regions[n - 1], room);
      this.drawKernel(stages, place, isNear, room);
      const side = Math.min(room - 2, isNear ? 170 : 290), only = isMaps ? channel : null;
      const scale = isMaps ? Math.min(48, Math.floor(side / width)) : isNamed(stages, n) ? (isNear ? 5 : 7) : (isNear ? 14 : 24);
      paint(this.map.maps, stages, n, { scale, most: room, only });
      this.map.maps.mark(regions[n], true);
      say(this.map, `${stage.title}${isMaps && count > 1 ? `, map ${channel + 1} of ${count}` : ""}`);
      this.all.node.hidden = isNear || !isMaps || count === 1;
      if (!this.all.node.hidden) {
        paint(this.all.maps, stages, n, { scale: Math.max(2, Math.floor(48 / width)), most: room });
        this.all.maps.mark({ channel, top: 0, left: 0, bottom: height, right: width }, true);
        say(this.all, `All ${count} maps: choose one`);
      }
      this.drawButtons(stages, place, isNear);
      this.writeSum(stages, place, isNear, window);
    }

    drawDigit(stages, regions, scale) {
      this.digit.node.hidden = regions.length === 1; // the place is in the digit itself
      paint(this.digit.maps, stages, 0, { scale });
      this.digit.maps.mark(regions[0]);
      say(this.digit, "What it sees of the digit");
    }

    drawBefore(stages, n, region, room) {
      this.before.node.hidden = n < 2;
      if (n < 2) return;
      const { values: { shape: [count, height, width] }, title } = stages[n - 1];
      const only = region.channel; // a pooling has one map before it, a kernel all of them
      const side = only === null ? (count > MANY ? 30 : 60) : 120;
      const scale = isNamed(stages, n - 1) ? 5 : height * width === 1 ? 12 : Math.max(2, Math.floor(side / width));
      paint(this.before.maps, stages, n - 1, { scale, most: room, only });
      this.before.maps.mark(region);
      say(this.before, only === null ? `Before: ${title.toLowerCase()}` : `Before: ${title.toLowerCase()}, map ${only + 1}`);
    }

    // The weights of one kernel, or of one unit, in the form of the maps that they are multiplied with.
    drawKernel(stages, { stage: n, channel }, isNear, room) {
      const { layer, kind } = stages[n], weight = layer?.weight;
      this.kernel.node.hidden = isNear || !weight;
      if (this.kernel.node.hidden) return;
      const { values: { shape: before } } = stages[n - 1];
      const shape = kind === "linear" ? before : weight.shape.slice(1), size = shape[0] * shape[1] * shape[2];
      const own = { shape, data: weight.data.subarray(channel * size, (channel + 1) * size) };
      const scale = shape[1] * shape[2] === 1 ? 12 : Math.floor((shape[0] === 1 ? 120 : shape[0] > MANY ? 30 : 60) / shape[2]);
      this.kernel.maps.paint(own, { kind, scale, most: room, signed: true });
      say(this.kernel, kind === "linear" ? `Weights of ${placeName(stages, { stage: n, channel, row: 0, column: 0 })}` : `Kernel of map ${channel + 1}`,
        legend({ range: rangeOf(own), signed: true, label: "weight", digits: 2 }));
    }

    drawButtons(stages, { stage: n }, isNear) {
      const [count, height, width] = stages[n].values.shape;
      for (const button of this.turn) button.hidden = height * width === 1 || count === 1;
      this.nearer.hidden = isNear;
      this.follow.hidden = n === 0;
    }

    // Written anew; a button that had the keys' focus has it again.
    writeSum(stages, place, isNear, window) {
      const key = this.sum.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      const { go, chooseWindow } = this.act;
      this.sum.replaceChildren(...(isNear ? [lenet.writeNumber(stages, place, { window, chooseWindow, go })] : []));
      if (key) this.sum.querySelector(`[data-key="${key}"]`)?.focus();
    }

    focus() {
      this.map.maps.canvas.focus({ preventScroll: true });
    }
  }

  // A figure of maps with a caption.
  function figure(maps, ...words) {
    const caption = element("figcaption", {}, words);
    return { maps, caption, node: element("figure", { class: "layers-figure" }, maps.canvas, caption) };
  }

  function say({ maps, caption }, words, ...more) {
    caption.replaceChildren(words, ...more);
    if (maps.canvas.getAttribute("role") === "img") maps.canvas.setAttribute("aria-label", words);
  }

  // The last two stages are ten numbers, each of a digit: bars.
  const isNamed = (stages, n) => n >= stages.length - 2;

  function paint(maps, stages, n, { scale, most, only }) {
    const { kind, values } = stages[n];
    if (!isNamed(stages, n)) return maps.paint(values, { kind, scale, most, only });
    maps.paintBars(values, { kind, scale: scale === 12 ? 4 : scale, text: kind === "softmax" ? percent : number });
  }

  function sizeOf({ values: { shape: [count, height, width] }, kind }) {
    if (kind === "input") return `${height} × ${width}`;
    return height * width === 1 ? `${count} numbers` : `${count} maps, ${height} × ${width}`;
  }

  const labelOf = (stage) => `${stage.title}: ${sizeOf(stage)}${stage.step ? `, by ${stage.step}` : ""}. Enter opens it`;

  Object.assign(lenet, { NetworkView, NearView });
}
