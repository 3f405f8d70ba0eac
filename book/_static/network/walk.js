"use strict";
// The page "Walk the plane": two autoencoders with two latents side by side, paths between two
// digits, and codes drawn from N(0, I).

{
  const { element, announce } = lenet.page;
  const { read, ofDigit, tile } = lenet.plane;
  const STOPS = 9; // decoded images of a path
  const FINE = 48; // pieces of its line
  const WALK = 5000; // milliseconds from one end to the other
  const KEPT = 9; // drawn codes whose images are shown
  const A_FRAME = 4; // codes drawn in one frame: more would make it stutter
  const MOST = 500; // dots in the plane
  const HINT = "Drag the ring, or click or tap in a plane. By keyboard, with the ring in focus: " +
    "arrow keys (larger steps with Shift), 0 to 9 for the next test code of that digit, Home for " +
    "the origin.";

  const button = (words, onclick) => element("button", { type: "button", onclick }, words);
  const group = (words, ...children) =>
    element("div", { class: "network-bar", role: "group", "aria-label": words }, ...children);

  // A field for one of several, {value: words}: the field, and a label around it. `name` is what
  // screen readers call it.
  function choice(words, name, options, chosen, onchange) {
    const entries = Object.entries(options).map(([value, shown]) =>
      element("option", { value, selected: value === chosen }, shown));
    const field = element("select", { onchange, "aria-label": name }, entries);
    return { field, label: element("label", {}, words ? `${words} ` : null, field) };
  }

  // What the plane shows

  const VIEWS = { codes: "test codes", deviations: "test codes with σ", tiles: "decoded images" };

  function viewControls(panels) {
    const view = choice("In the plane", "In the plane", VIEWS, "codes", () => update());
    const update = () => panels.forEach((panel) => showView(panel, view.field.value));
    update();
    return group("What the plane shows", view.label);
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

  // Draw the line and the images of its stops; return the digits that the reader sees, in words.
  function showPath(panel, choice) {
    const path = pathOf(panel, choice);
    const points = (count) => Array.from({ length: count + 1 }, (_, k) => path(k / count));
    const stops = points(STOPS - 1), found = stops.map((code) => read(panel, code));
    lenet.plane.showPath(panel.plane, points(FINE), stops);
    panel.path.replaceChildren(...found.map((one) => tile(panel, one)));
    panel.path.setAttribute("aria-label", `Path from ${choice.from} to ${choice.to}`);
    const digits = found.map(({ digit, accepted }) => (accepted ? digit : "refused"));
    return `${panel.title}: ${digits.join(", ")}.`;
  }

  function clearPath(panel) {
    panel.plane.parts.path.replaceChildren();
    panel.path.replaceChildren();
  }

  function pathControls(panels) {
    const digits = Object.fromEntries(Array.from({ length: 10 }, (_, digit) => [digit, digit]));
    const update = () => announce(panels.map((panel) => showPath(panel, chosen())).join(" "));
    const changed = () => (walk.stop(), update());
    const from = choice("Path from", "Path from", digits, "1", changed);
    const to = choice("to", "Path to", digits, "0", changed);
    const ways = { straight: "straight", round: "round" };
    const way = choice("", "Way of the path", ways, "straight", changed);
    const valueOf = ({ field }) => field.value;
    const chosen = () =>
      ({ from: Number(valueOf(from)), to: Number(valueOf(to)), way: valueOf(way) });
    const walk = walking(update, (share) =>
      panels.forEach((panel) => panel.plane.move(pathOf(panel, chosen())(share))));
    const clear = () => (walk.stop(), panels.forEach(clearPath));
    const parts = [from.label, to.label, way.label, button("Walk", walk.start)];
    return { element: group("A path between two digits", ...parts), clear };
  }

  // Calls `step` with shares from 0 to 1, one a frame, after `begin`. Who wants no motion gets the
  // last one at once.
  function walking(begin, step) {
    let walk = 0; // its number: an older one stops
    const stop = () => walk++;
    function start() {
      const own = ++walk, from = performance.now();
      function next(now) {
        if (own !== walk) return;
        const share = lenet.page.reducedMotion() ? 1 : Math.min(1, Math.max(0, now - from) / WALK);
        step(share);
        if (share < 1) requestAnimationFrame(next);
      }
      begin();
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

  // One code for both networks: a dot falls into each plane, and each decoder makes an image of it.
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
    const digit = accepted.indexOf(most);
    return `${share}; the most frequent digit, ${digit}, is ${most} of these. The last ${KEPT}:`;
  }

  function drawControls(panels) {
    let left = 0; // still to be drawn
    function some() {
      for (let k = 0; k < A_FRAME && left > 0; k++, left--) drawCode(panels);
      if (left > 0) requestAnimationFrame(some);
      else announce(panels.map(inWords).join(" "));
    }
    const inWords = ({ title, counts }) => `${title}: ${countInWords(counts)}`;
    function draw(count) {
      if (left === 0) requestAnimationFrame(some);
      left += count;
    }
    panels.forEach(clearDrawn);
    const clear = () => ((left = 0), panels.forEach(clearDrawn));
    const buttons = [10, 100].map((count) => button(`Draw ${count}`, () => draw(count)));
    return { element: group("Codes from N(0, I)", "N(0, I):", buttons), clear };
  }

  // Put the page together in the element of that id.
  function walkThePlane(id) {
    return lenet.page.begin(id, () => {
      const reader = lenet.loadModel("reader");
      const panels = ["vae", "autoencoder"].map((name) => lenet.plane.makePanel(name, reader));
      const path = pathControls(panels), drawn = drawControls(panels);
      const clear = () => [path, drawn].forEach((controls) => controls.clear());
      const all = button("Clear", clear);
      all.setAttribute("aria-label", "Clear path and codes");
      path.element.append(all);
      const controls = [viewControls(panels), drawn.element, path.element];
      return element("div", {},
        element("div", { class: "plane-controls" }, controls),
        element("div", { class: "plane-panels" }, panels.map((panel) => panel.element)),
        element("p", { class: "network-note", id: "plane-hint" }, HINT));
    });
  }

  if (document.getElementById("plane")) walkThePlane("plane");
}
