"use strict";
// A plane of codes to look at and to move a point over: digits where the codes of test images lie,
// the circle that holds 99 % of N(0, I), a path, dots for random codes, and a handle to drag.
//
// Latent 1 goes right, latent 2 goes up. The drawing is SIDE units wide and scales with the page.

{
  const { element, svg } = lenet.page;
  const SIDE = 340, EDGE = 38, FIELD = SIDE - EDGE; // units; the edge, left and below: numbers
  const CIRCLE = 3.035; // within this radius are 99 % of N(0, I) in the plane: sqrt(2 ln 100)
  const MARGIN = 0.5; // of the frame, around codes and circle
  const STEPS = 60; // of an arrow key, from side to side
  const TILES = 13; // decoded images across the plane
  const DOTS = 200; // the latest random codes: more would cover the plane
  // As Matplotlib's tab10, which the chapter has, but dark enough to be read on white.
  const COLOURS = [
    "#1b5fa8", "#b3470f", "#1d7a1d", "#b01f24", "#6f4a9e",
    "#7a4a3c", "#b0378c", "#555555", "#666600", "#00727d",
  ];

  // The square around some codes and the circle: where it begins, and how long a side is.
  function frameOf(codes) {
    const ends = [0, 1].map((axis) => {
      const values = [...codes.map(({ mean }) => mean[axis]), -CIRCLE, CIRCLE];
      return [Math.min(...values) - MARGIN, Math.max(...values) + MARGIN];
    });
    const span = Math.max(...ends.map(([low, high]) => high - low));
    return { low: ends.map(([low, high]) => (low + high - span) / 2), span };
  }

  // Whole numbers along an axis, 1, 2 or 5 apart, from a `low` on.
  function ticksOf(low, span) {
    const apart = [1, 2, 5, 10].find((step) => span / step <= 8) ?? 20;
    const first = Math.ceil(low / apart) * apart;
    const length = Math.floor((low + span - first) / apart) + 1;
    return Array.from({ length }, (_, k) => first + k * apart);
  }

  // A plane for these codes. `name` is what screen readers call its point. `moved()` is called
  // whenever the point has moved, `taken()` before the reader moves it, and `asked(digit)` for the
  // key of a digit. Returns its element, what draws on it, and two ways to move the point: `place`
  // for the page, `move` for the reader.
  function makePlane(name, codes, { moved, taken, asked }) {
    const frame = frameOf(codes), handle = makeHandle(name, frame);
    const part = (attributes) => svg("g", attributes);
    const parts = { deviations: part({}), codes: part({}), drawn: part({}), path: part({}) };
    const tiles = element("canvas", { class: "plane-tiles", hidden: true, "aria-hidden": "true" });
    const drawing = svg("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, "aria-hidden": "true" },
      ...axes(frame), ...Object.values(parts));
    const plane = { frame, codes, parts, tiles, handle, drawing, asked, code: [0, 0] };
    plane.element = element("div", { class: "plane" }, tiles, drawing, handle);
    plane.place = (code) => {
      plane.code = code.map((value, axis) => inFrame(value, axis, frame));
      moved();
    };
    plane.move = (code) => (taken(), plane.place(code));
    drawCodes(plane);
    listenToPointers(plane);
    handle.addEventListener("keydown", (event) => listenToKeys(event, plane));
    return plane;
  }

  const inFrame = (value, axis, { low, span }) =>
    Math.min(low[axis] + span, Math.max(low[axis], value));
  const lengthOf = (value, { span }) => (value * FIELD) / span; // a length of the plane in units

  // A code -> units of the drawing, from its upper left corner.
  const placeOf = ([x, y], { low, span }) =>
    [EDGE + ((x - low[0]) / span) * FIELD, FIELD - ((y - low[1]) / span) * FIELD];

  // A place of the page -> code.
  function codeAt(event, { drawing, frame: { low, span } }) {
    const { left, top, width, height } = drawing.getBoundingClientRect();
    const x = ((event.clientX - left) / width) * SIDE, y = ((event.clientY - top) / height) * SIDE;
    return [low[0] + ((x - EDGE) / FIELD) * span, low[1] + ((FIELD - y) / FIELD) * span];
  }

  function axes(frame) {
    const { low, span } = frame, [cx, cy] = placeOf([0, 0], frame);
    const across = ticksOf(low[0], span).map((value) =>
      tick(value, { x: placeOf([value, 0], frame)[0], y: SIDE - 14, "text-anchor": "middle" }));
    const up = ticksOf(low[1], span).map((value) =>
      tick(value, { x: EDGE - 4, y: placeOf([0, value], frame)[1] + 4, "text-anchor": "end" }));
    const field = svg("rect", { class: "plane-field", x: EDGE, y: 0, width: FIELD, height: FIELD });
    const circle = svg("circle", { class: "plane-circle", cx, cy, r: lengthOf(CIRCLE, frame) });
    return [field, ...across, ...up, circle];
  }

  const tick = (value, place) =>
    svg("text", { class: "plane-tick", ...place }, value < 0 ? `−${-value}` : value);

  function drawCodes({ frame, codes, parts }) {
    for (const { digit, mean, deviation } of codes) {
      const [x, y] = placeOf(mean, frame), fill = COLOURS[digit];
      parts.codes.append(svg("text", { x, y: y + 4, fill, "text-anchor": "middle" }, digit));
      if (!deviation) continue;
      const [rx, ry] = deviation.map((value) => lengthOf(value, frame));
      parts.deviations.append(svg("ellipse", { cx: x, cy: y, rx, ry, fill }));
    }
  }

  // The point: a slider in two directions. Its value is latent 1, its text says everything.
  function makeHandle(name, { low, span }) {
    return element("div", {
      class: "plane-handle", role: "slider", tabindex: 0,
      "aria-label": name, "aria-describedby": "plane-hint", "aria-valuenow": 0,
      "aria-valuemin": low[0].toFixed(1), "aria-valuemax": (low[0] + span).toFixed(1),
    });
  }

  // Draw the point where it is, with words for those who do not see it.
  function showPoint({ frame, handle, code }, words) {
    const [x, y] = placeOf(code, frame);
    handle.style.left = `${(100 * x) / SIDE}%`;
    handle.style.top = `${(100 * y) / SIDE}%`;
    handle.setAttribute("aria-valuenow", code[0].toFixed(2));
    handle.setAttribute("aria-valuetext", words);
  }

  // A mouse drags from anywhere. A finger drags the handle only: elsewhere it scrolls the page, and
  // a tap moves the point there.
  function listenToPointers(plane) {
    const { element: box, handle } = plane;
    let dragged = false;
    box.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || (event.pointerType === "touch" && event.target !== handle)) return;
      dragged = true;
      box.setPointerCapture(event.pointerId);
      plane.move(codeAt(event, plane));
    });
    box.addEventListener("pointermove", (event) => dragged && plane.move(codeAt(event, plane)));
    for (const end of ["pointerup", "pointercancel"]) {
      box.addEventListener(end, () => (dragged = false));
    }
    box.addEventListener("click", (event) => {
      plane.move(codeAt(event, plane));
      handle.focus({ preventScroll: true });
    });
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };

  // Arrows move by a step, with Shift by five; Home goes to the origin; a digit asks for its code.
  function listenToKeys(event, plane) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { code, frame } = plane, step = (event.shiftKey ? 5 : 1) * (frame.span / STEPS);
    const arrow = ARROWS[event.key], digit = /^\d$/.test(event.key) ? Number(event.key) : null;
    if (arrow) plane.move(code.map((value, axis) => value + step * arrow[axis]));
    else if (event.key === "Home") plane.move([0, 0]);
    else if (digit !== null) plane.asked(digit);
    else return;
    event.preventDefault(); // the page would scroll
  }

  // A line through codes, with a dot at each of the `stops`.
  function showPath({ frame, parts }, line, stops) {
    const points = line.map((code) => placeOf(code, frame).join()).join(" ");
    const dots = stops.map((code) => {
      const [cx, cy] = placeOf(code, frame);
      return svg("circle", { cx, cy, r: 2.5 });
    });
    parts.path.replaceChildren(svg("polyline", { points }), ...dots);
  }

  // A dot for a random code, which falls to its place from above: filled where the reader accepts
  // the image, hollow where it refuses. The oldest make room.
  function dropDot({ frame, parts }, { code, accepted }) {
    const [cx, cy] = placeOf(code, frame);
    const attributes = { class: accepted ? "plane-dot" : "plane-dot plane-hollow", cx, cy, r: 2.5 };
    parts.drawn.append(svg("circle", { ...attributes, style: `--fall: ${-cy}px` }));
    if (parts.drawn.childElementCount > DOTS) parts.drawn.firstChild.remove();
  }

  // What a grid of codes decodes to, drawn under the plane once and kept.
  function drawTiles({ frame: { low, span }, tiles }, decode) {
    if (tiles.width === TILES * 28) return;
    const side = TILES * 28, data = new Float32Array(side * side);
    for (let tile = 0; tile < TILES * TILES; tile++) {
      const row = Math.floor(tile / TILES), column = tile % TILES;
      const middle = [(column + 0.5) / TILES, 1 - (row + 0.5) / TILES];
      const { image } = decode(middle.map((share, axis) => low[axis] + share * span));
      for (let y = 0; y < 28; y++) {
        data.set(image.data.subarray(28 * y, 28 * y + 28), (28 * row + y) * side + 28 * column);
      }
    }
    lenet.page.drawMap(tiles, { shape: [side, side], data }, { range: 1 });
  }

  lenet.plane = { makePlane, showPoint, showPath, dropDot, drawTiles, frameOf, ticksOf, DOTS };
}
