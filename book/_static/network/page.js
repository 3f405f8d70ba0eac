"use strict";
// What the pages of the network share: elements, colours, pictures of tensors, and one live region.
//
// A page loads it after ops.js, beside page.css. Nothing here, or in any script of these pages, asks
// another host for anything or keeps anything: what a reader draws or opens stays in the page.

{
  const SVG = "http://www.w3.org/2000/svg";

  // element("button", {type: "button", onclick: f, "aria-label": "…"}, "text", child, …). A function
  // becomes a listener; true an attribute without value; null, undefined and false none. Text stays
  // text, whatever is in it: nothing is ever parsed as HTML.
  const element = (tag, attributes = {}, ...children) =>
    filledIn(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) =>
    filledIn(document.createElementNS(SVG, tag), attributes, children);

  function filledIn(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") node.addEventListener(name.replace(/^on/, ""), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }

  // Put what `build` returns into the element of that id, in place of the figure that stands there
  // for readers without JavaScript. That figure stays when `build` fails.
  function begin(id, build) {
    const place = document.getElementById(id);
    place.classList.add("network");
    place.append(build(place));
    for (const figure of document.querySelectorAll(".network-fallback")) figure.remove();
    return place;
  }

  // Colours as [red, green, blue]. Digits, and what only grows from 0: white to black, as in the
  // library's figures. Kernels and what has a sign: Matplotlib's RdBu_r, blue below 0, red above.
  const RED_BLUE = [
    [5, 48, 97], [33, 102, 172], [67, 147, 195], [146, 197, 222], [209, 229, 240], [247, 247, 247],
    [253, 219, 199], [244, 165, 130], [214, 96, 77], [178, 24, 43], [103, 0, 31],
  ];
  const within = (value, low, high) => Math.min(high, Math.max(low, value));
  const colours = {
    ink: (share) => Array(3).fill(Math.round(255 * (1 - within(share, 0, 1)))), // 0 to 1
    signed(share) { // -1 to 1
      const place = within(5 + 5 * share, 0, 10), below = Math.min(9, Math.floor(place));
      return RED_BLUE[below].map((value, k) =>
        Math.round(value + (place - below) * (RED_BLUE[below + 1][k] - value)));
    },
    // Okabe and Ito's palette as in the library's figures: readable for the colour-blind.
    lines: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"],
  };

  // The largest distance from 0 among the values, and never 0 itself: what a picture's scale needs.
  const rangeOf = ({ data }) => data.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;

  // Draw values, {shape: [height, width], data}, as crisp pixels: one a value; the style sheet makes
  // them large. The darkest colour stands for `range`. With `signed`, white is 0 and blue is negative.
  function drawMap(canvas, values, { range = rangeOf(values), signed = false } = {}) {
    const [height, width] = values.shape, colour = signed ? colours.signed : colours.ink;
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    canvas.classList.add("network-map");
    const picture = new ImageData(width, height);
    for (let place = 0; place < width * height; place++) {
      picture.data.set([...colour(values.data[place] / range), 255], 4 * place);
    }
    canvas.getContext("2d").putImageData(picture, 0, 0);
    return canvas;
  }

  // What the colours of drawMap mean, with the numbers at both ends: an element.
  function legend({ range = 1, signed = false, label = "value", digits = 1 } = {}) {
    const steps = 64, low = signed ? -1 : 0;
    const data = Float32Array.from({ length: steps }, (_, k) => low + ((1 - low) * (k + 0.5)) / steps);
    const bar = drawMap(element("canvas", { "aria-hidden": "true" }), { shape: [1, steps], data }, { range: 1, signed });
    const number = (value) => (value < 0 ? "−" : "") + Math.abs(value).toFixed(digits);
    const words = signed ? `${label}: blue below 0, white 0, red above` : `${label}: white 0, dark large`;
    return element("span", { class: "network-legend" },
      element("span", {}, number(low * range)), bar, element("span", {}, number(range)), element("small", {}, words));
  }

  // Say something to readers who do not see the page; twice the same words are said twice.
  let region = null;
  function announce(text) {
    if (!region) {
      region = element("div", { class: "network-hidden", "aria-live": "polite", role: "status" });
      document.body.append(region);
    }
    region.textContent = region.textContent === text ? `${text}\u00a0` : text;
  }

  const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  // Call back when the reader changes between the light and the dark page.
  function onTheme(callback) {
    const root = document.documentElement;
    new MutationObserver(() => callback(root.dataset.theme)).observe(root, { attributeFilter: ["data-theme"] });
  }

  // Call `work` once before the next frame, however often the returned function is called.
  function onceAFrame(work) {
    let waiting = false;
    return () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        work();
      });
    };
  }

  // The ten example digits of weights/digits.js, 0 to 9, in MNIST's form: {shape, data: Uint8Array}.
  function exampleDigits() {
    const bytes = Uint8Array.from(atob(lenet.digits.uint8), (letter) => letter.charCodeAt(0));
    const side = lenet.digits.shape[1];
    return Array.from({ length: lenet.digits.shape[0] }, (_, digit) => ({
      shape: [side, side], data: bytes.slice(digit * side ** 2, (digit + 1) * side ** 2),
    }));
  }

  lenet.page = {
    element, svg, begin, colours, rangeOf, drawMap, legend, announce, reducedMotion, onTheme, onceAFrame,
    exampleDigits,
  };
}
