"use strict";
// Drawings of a training, in SVG: curves over the steps, and the plane of a neuron with two weights.

{
  const { element, svg, colours } = lenet.page;
  const WIDTH = 360, HEIGHT = 220, LEFT = 54, RIGHT = 12, TOP = 26, BOTTOM = 36;
  const MOST = 400; // points of a line: more cannot be told apart

  // A chart of lines over the steps. lines: {name: {colour, width, dash}}; `logarithmic` as of a
  // loss, else from 0 to 1. draw({name: [a number a step, …]}, the last step of the axis, a mark);
  // mark: {name, step} of a point to set a diamond on, or null. point(step) sets a line across all
  // curves, point(null) takes it away; stepAt(event) is the step below a pointer.
  function lineChart({ label, lines, logarithmic = false }) {
    const grid = svg("g", { class: "learn-grid" }), marks = svg("g"), pointed = svg("g");
    const strokes = Object.entries(lines).map(([name, { colour, width, dash }]) => [name,
      svg("polyline", { fill: "none", stroke: colour, "stroke-width": width, "stroke-dasharray": dash, "data-line": name })]);
    const node = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "learn-chart" },
      grid, strokes.map(([, stroke]) => stroke), marks, pointed);
    let drawn = null; // what the axes are made of, and the values
    function draw(values, steps, mark = null) {
      drawn = { ...scales(values, steps, logarithmic), values };
      grid.replaceChildren(...axes({ ...drawn, logarithmic, label }));
      for (const [name, stroke] of strokes) stroke.setAttribute("points", points(values[name] ?? [], drawn));
      marks.replaceChildren(...diamond(mark, drawn, lines));
    }
    const point = (step) => pointed.replaceChildren(...(step === null ? [] : pointer(step, drawn, lines)));
    function stepAt({ clientX }) {
      const { left, width } = node.getBoundingClientRect();
      const share = (((clientX - left) / width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT);
      return Math.round(share * drawn.steps);
    }
    return { node, draw, point, stepAt };
  }

  // From steps and values to places in the drawing.
  function scales(values, steps, logarithmic) {
    const range = logarithmic ? decades(values) : [0, 1];
    const place = (value) => (logarithmic ? Math.log10(value) : value);
    const across = (step) => LEFT + (step / steps) * (WIDTH - LEFT - RIGHT);
    const up = (value) => HEIGHT - BOTTOM - ((place(value) - range[0]) / (range[1] - range[0])) * (HEIGHT - TOP - BOTTOM);
    return { steps, range, across, up };
  }

  // A diamond around a point of a line.
  function diamond(mark, { values, across, up }, lines) {
    const y = mark && up(values[mark.name][mark.step]);
    if (!Number.isFinite(y)) return []; // nor without a mark
    const d = `M${across(mark.step)},${y - 7} l6,7 l-6,7 l-6,-7 z`;
    return [svg("path", { d, class: "learn-mark", stroke: lines[mark.name].colour })];
  }

  // A line at a step, and a dot where it meets each curve.
  function pointer(step, { values, across, up }, lines) {
    const x = across(step), found = Object.keys(lines).map((name) => [name, up(values[name]?.[step])]);
    return [
      svg("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM, class: "learn-pointer" }),
      ...found.filter(([, y]) => Number.isFinite(y)).map(([name, y]) =>
        svg("circle", { cx: x, cy: Math.min(y, HEIGHT - BOTTOM), r: 3.5, fill: lines[name].colour })),
    ];
  }

  // The powers of ten between which all values lie.
  function decades(values) {
    const all = Object.values(values).flat().filter((value) => value > 1e-6 && Number.isFinite(value));
    const low = all.reduce((a, b) => Math.min(a, b), 0.1), high = all.reduce((a, b) => Math.max(a, b), 3);
    return [Math.floor(Math.log10(low)), Math.log10(high * 1.2)];
  }

  // "x,y x,y …"; what is infinite, or too small for the axis, is left out.
  function points(line, { across, up }) {
    const every = Math.ceil(line.length / MOST), found = [];
    line.forEach((value, step) => {
      const y = up(value);
      if ((step % every && step < line.length - 1) || !Number.isFinite(y)) return;
      found.push(`${across(step).toFixed(1)},${Math.min(y, HEIGHT - BOTTOM).toFixed(1)}`);
    });
    return found.join(" ");
  }

  function axes({ steps, range, logarithmic, across, up, label }) {
    const values = logarithmic ? powers(range) : [0, 0.25, 0.5, 0.75, 1];
    const words = (value) => (logarithmic ? String(value) : `${100 * value} %`);
    const right = WIDTH - RIGHT, floor = HEIGHT - BOTTOM;
    return [
      ...values.map((value) => svg("line", { x1: LEFT, x2: right, y1: up(value), y2: up(value) })),
      ...values.map((value) => svg("text", { x: LEFT - 5, y: up(value) + 4, "text-anchor": "end" }, words(value))),
      ...[0, steps / 2, steps].map((step) =>
        svg("text", { x: across(step), y: floor + 15, "text-anchor": step === steps ? "end" : "middle" }, String(Math.round(step)))),
      svg("text", { x: (LEFT + right) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "step"),
      svg("text", { x: LEFT, y: 16, class: "learn-title" }, label),
    ];
  }

  // 0.1, 0.2, 0.5, 1, 2, 5, …; only powers of ten where more would stand too close.
  function powers([low, high]) {
    const found = [], ends = high - low > 2 ? ["1"] : ["1", "2", "5"];
    for (let power = Math.floor(low); power <= high; power += Math.ceil((high - low) / 6)) {
      found.push(...ends.map((end) => Number(`${end}e${power}`)));
    }
    return found.filter((value) => Math.log10(value) >= low - 1e-9 && Math.log10(value) <= high);
  }

  // What the lines mean: a short piece of each, and its name; then the diamond, and what it is at.
  function lineLegend(lines, marked) {
    const sample = (shape) => svg("svg", { viewBox: "0 0 30 14", width: 30, height: 14, "aria-hidden": "true" }, shape);
    const items = Object.entries(lines).map(([name, { colour, width, dash, words }]) =>
      element("li", { "data-line": name },
        sample(svg("line", { x1: 0, x2: 30, y1: 7, y2: 7, stroke: colour, "stroke-width": width, "stroke-dasharray": dash })),
        words));
    const mark = svg("path", { d: "M15,0 l6,7 l-6,7 l-6,-7 z", class: "learn-mark", stroke: lines[marked.name].colour });
    return element("ul", { class: "learn-legend" }, items, element("li", {}, sample(mark), marked.words));
  }

  // The plane of width and middle: 0s as circles, 1s as triangles, what the neuron gets wrong with a
  // ring, and the line on which its score is zero.
  const SIDE = 300, FROM = -0.1, TO = 1.2;
  const along = (value) => 40 + ((value - FROM) / (TO - FROM)) * (SIDE - 50);

  function plane() {
    const drawing = svg("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img", class: "learn-plane" });
    function draw({ x, labels }, [w, b], words) {
      const score = (a, c) => w.data[0] * a + w.data[1] * c + b.data[0];
      const marks = labels.map((label, n) => {
        const [a, c] = x.data.subarray(2 * n, 2 * n + 2);
        return mark(along(a), SIDE - along(c), label, score(a, c) > 0 !== (label === 1));
      });
      drawing.replaceChildren(...planeAxes(), ...marks, ...border(w.data, b.data[0]));
      drawing.setAttribute("aria-label", words);
    }
    return { node: drawing, draw };
  }

  function mark(x, y, label, wrong) {
    const shape = label
      ? svg("path", { d: `M${x},${y - 5} l5,9 h-10 z`, fill: colours.lines[1] })
      : svg("circle", { cx: x, cy: y, r: 4.5, fill: colours.lines[0] });
    return svg("g", { "fill-opacity": 0.6 }, shape,
      wrong && svg("circle", { cx: x, cy: y, r: 9, fill: "none", stroke: "#000", class: "learn-wrong" }));
  }

  function planeAxes() {
    const ends = { x1: along(0), x2: along(TO), y1: SIDE - along(FROM), y2: SIDE - along(FROM) };
    return [
      svg("line", { ...ends, x1: along(FROM), class: "learn-axis" }),
      svg("line", { x1: along(FROM), x2: along(FROM), y1: SIDE - along(FROM), y2: SIDE - along(TO), class: "learn-axis" }),
      ...[0, 0.5, 1].flatMap((value) => [
        svg("text", { x: along(value), y: SIDE - 24, "text-anchor": "middle" }, String(value)),
        svg("text", { x: along(FROM) - 4, y: SIDE - along(value) + 4, "text-anchor": "end" }, String(value)),
      ]),
      svg("text", { x: SIDE / 2, y: SIDE - 7, "text-anchor": "middle" }, "width"),
      svg("text", { x: 12, y: SIDE / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${SIDE / 2})` }, "ink in the middle"),
    ];
  }

  // The line where w0 x + w1 y + b = 0, cut off at the edges of the plane; none while w is zero.
  function border([w0, w1], b) {
    const ends = [];
    for (const edge of [FROM, TO]) {
      const y = -(w0 * edge + b) / w1, x = -(w1 * edge + b) / w0;
      if (y >= FROM && y <= TO) ends.push([edge, y]);
      if (x > FROM && x < TO) ends.push([x, edge]);
    }
    if (ends.length < 2) return [];
    const [[x1, y1], [x2, y2]] = ends;
    return [svg("line", { x1: along(x1), y1: SIDE - along(y1), x2: along(x2), y2: SIDE - along(y2), class: "learn-border" })];
  }

  lenet.charts = { lineChart, lineLegend, plane };
}
