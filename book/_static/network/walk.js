"use strict";
// The page "Walk the plane": two autoencoders with two latents side by side, paths between two
// digits, and codes drawn from N(0, I).

{
  const { element, announce } = lenet.page;
  const { read, ofDigit, tile } = lenet.plane;
  const STOPS = 9; // decoded images of a path
  const FINE = 48; // pieces of its line
  const WALK = 5000; // milliseconds from one end to the other
  const KEPT = 10; // drawn codes whose images are shown
  const A_FRAME = 4; // codes drawn in one frame: more would make it stutter
  const MOST = 500; // dots in the plane

  const button = (words, onclick) => element("button", { type: "button", onclick }, words);

  // One of several: {value: words} -> the element, and what says which is chosen.
  function radios(name, choices, onchange) {
    const inputs = Object.keys(choices).map((value, k) =>
      element("input", { type: "radio", name, value, checked: k === 0, onchange }));
    const labels = Object.values(choices).map((words, k) => element("label", {}, inputs[k], words));
    return { labels, value: () => inputs.find((input) => input.checked).value };
  }

  // What the plane shows

  function viewControls(panels) {
    const choices = {
      codes: "codes of 250 test images", deviations: "codes with their standard deviations", tiles: "what each place decodes to",
    };
    const view = radios("plane-view", choices, () => panels.forEach((panel) => showView(panel, view.value())));
    panels.forEach((panel) => showView(panel, "codes"));
    return element("fieldset", {}, element("legend", {}, "In the plane"), view.labels);
  }

  function showView({ plane, decoder }, view) {
    const { parts, tiles } = plane;
    if (view === "tiles") lenet.plane.drawTiles(plane, decoder.decode);
    tiles.hidden = view !== "tiles";
    parts.codes.style.display = view === "tiles" ? "none" : "";
    parts.deviations.style.display = view === "deviations" ? "" : "none";
  }

  // Paths

  // From the first test image of one digit to that of another, or to the second of the same.
  function pathOf(panel, { from, to, way }) {
    const start = ofDigit(panel, from)[0], end = ofDigit(panel, to)[from === to ? 1 : 0];
    const along = way === "round" ? lenet.roundWay : lenet.straightWay;
    return (share) => along(start, end, share);
  }

  function showPath(panel, choice) {
    const path = pathOf(panel, choice);
    const points = (count) => Array.from({ length: count + 1 }, (_, k) => path(k / count));
    lenet.plane.showPath(panel.plane, points(FINE), points(STOPS - 1));
    panel.path.replaceChildren(...points(STOPS - 1).map((code) => tile(panel, read(panel, code))));
    panel.path.setAttribute("aria-label", `Path from ${choice.from} to ${choice.to}`);
  }

  function clearPath(panel) {
    panel.plane.parts.path.replaceChildren();
    panel.path.replaceChildren();
  }

  // The controls of the path; `panels` follow them.
  function pathControls(panels) {
    const from = digitChoice("From", 4), to = digitChoice("to", 9);
    const ways = radios("plane-way", { straight: "straight", round: "round the origin" }, () => update());
    const place = element("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0, "aria-label": "Place on the path" });
    const choice = () => ({ from: Number(from.field.value), to: Number(to.field.value), way: ways.value() });
    const update = () => panels.forEach((panel) => showPath(panel, choice()));
    const go = () => panels.forEach((panel) => panel.plane.move(pathOf(panel, choice())(Number(place.value))));
    const walk = walking(place, () => (update(), go()));
    for (const { field } of [from, to]) field.addEventListener("change", update);
    place.addEventListener("input", () => (walk.stop(), update(), go()));
    const clear = () => (walk.stop(), panels.forEach(clearPath));
    return element("fieldset", {}, element("legend", {}, "A path between two digits"),
      element("div", { class: "network-bar" }, from.label, to.label, place),
      element("div", { class: "network-bar" }, ways.labels, button("Walk", walk.start), button("Clear the path", clear)));
  }

  function digitChoice(words, chosen) {
    const options = Array.from({ length: 10 }, (_, digit) => element("option", { selected: digit === chosen }, digit));
    const field = element("select", {}, options);
    return { field, label: element("label", {}, `${words} `, field) };
  }

  // Moves a slider from its one end to the other, with a call at every step. Who wants no motion
  // gets the last step at once.
  function walking(slider, step) {
    let walk = 0; // its number: an older one stops
    const stop = () => walk++;
    function start() {
      const own = ++walk, from = performance.now();
      function next(now) {
        if (own !== walk) return;
        const share = lenet.page.reducedMotion() ? 1 : Math.min(1, Math.max(0, now - from) / WALK);
        slider.value = share;
        step();
        if (share < 1) requestAnimationFrame(next);
      }
      requestAnimationFrame(next);
    }
    return { start, stop };
  }

  // Codes from N(0, I)

  function clearDrawn(panel) {
    panel.drawn.replaceChildren();
    panel.plane.parts.drawn.replaceChildren();
    panel.count.textContent = "";
    panel.counts = { drawn: 0, accepted: Array(10).fill(0) };
  }

  // One code for both networks: a dot falls into each plane, and each decoder makes its image of it.
  function drawCode(panels) {
    const code = lenet.normalCode();
    for (const panel of panels) {
      const found = read(panel, code), { drawn } = panel.plane.parts;
      panel.counts.drawn++;
      if (found.accepted) panel.counts.accepted[found.digit]++;
      lenet.plane.dropDot(panel.plane, code);
      if (drawn.childElementCount > MOST) drawn.firstChild.remove();
      panel.drawn.append(tile(panel, found));
      if (panel.drawn.childElementCount > KEPT) panel.drawn.firstChild.remove();
      panel.count.textContent = countInWords(panel.counts);
    }
  }

  // How many were accepted, and whether they are all the same digit.
  function countInWords({ drawn, accepted }) {
    const all = accepted.reduce((sum, count) => sum + count, 0), most = Math.max(...accepted);
    const share = `${drawn} drawn, ${all} accepted (${Math.round((100 * all) / drawn)} %)`;
    if (all === 0) return `${share}.`;
    return `${share}; the most frequent digit, ${accepted.indexOf(most)}, is ${most} of these. The last ${KEPT}:`;
  }

  function drawControls(panels) {
    let left = 0; // still to be drawn
    function some() {
      for (let k = 0; k < A_FRAME && left > 0; k++, left--) drawCode(panels);
      if (left > 0) requestAnimationFrame(some);
      else announce(panels.map(({ title, counts }) => `${title}: ${countInWords(counts)}`).join(" "));
    }
    function draw(count) {
      if (left === 0) requestAnimationFrame(some);
      left += count;
    }
    const clear = () => ((left = 0), panels.forEach(clearDrawn));
    panels.forEach(clearDrawn);
    return element("fieldset", {}, element("legend", {}, "Codes from N(0, I)"),
      element("div", { class: "network-bar" }, button("Draw 10", () => draw(10)), button("Draw 100", () => draw(100)),
        button("Clear the codes", clear)));
  }

  // Put the page together in the element of that id.
  function walkThePlane(id) {
    return lenet.page.begin(id, () => {
      const reader = lenet.loadModel("reader");
      const panels = ["vae", "autoencoder"].map((name) => lenet.plane.makePanel(name, reader));
      const hint = "Drag the ring, or click or tap in a plane. With the ring in focus: arrow keys (with Shift in larger " +
        "steps), 0 to 9 for the next code of that digit, Home for the origin. The circle holds 99 % of N(0, I).";
      return element("div", {}, viewControls(panels),
        element("div", { class: "plane-choices" }, pathControls(panels), drawControls(panels)),
        element("p", { class: "network-note", id: "plane-hint" }, hint),
        element("div", { class: "plane-panels" }, panels.map((panel) => panel.element)));
    });
  }

  lenet.walkThePlane = walkThePlane;
}
