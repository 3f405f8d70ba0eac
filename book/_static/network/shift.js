"use strict";
// Chapter 01's shift test: a digit moves by whole pixels, and its maps, pooled and not, follow, or
// stay, or change.

{
  const { element, announce, rangeOf } = lenet.page;
  const { MapView, moved, padded, written } = lenet.sliding;
  // Side of the map: 2 and 4 divide it. Chapter 01's is 36; 8 more leave room for longer moves, and the
  // squares lie on the digit as they do there.
  const MAP = 44;
  const LARGEST = 8; // pixels that a digit moves at most
  const COLUMNS = [[1, "not pooled"], [2, "pooled by 2"], [4, "pooled by 4"], [MAP, "whole map"]];
  const WAYS = [["left", 0, -1], ["right", 0, 1], ["up", -1, 0], ["down", 1, 0]];

  // Empty pixels around a digit: 9 for a 3x3 kernel.
  const marginOf = (digit, kernel) => (MAP + kernel.shape[0] - 1 - digit.shape[0]) / 2;

  // How far a digit can move before windows at the border would cut its map: less than LARGEST only
  // for a drawing whose ink comes near the edge.
  function reach(digit, kernel) {
    const [height, width] = digit.shape;
    const edge = digit.data.reduce((least, ink, k) => {
      const row = Math.floor(k / width), column = k % width;
      return ink ? Math.min(least, row, column, height - 1 - row, width - 1 - column) : least;
    }, LARGEST);
    return Math.min(LARGEST, marginOf(digit, kernel) + edge - (kernel.shape[0] - 1));
  }

  // Digit (28, 28), kernel (k, k) -> strength of the responses, (44, 44), after a move.
  // The strength is the response without its sign: max pooling would keep one side of a stroke only.
  function strength(digit, kernel, down, right) {
    const { map } = lenet.sliding.slide(moved(padded(digit, marginOf(digit, kernel)), down, right), kernel);
    return lenet.tensor(map.shape, map.data.map(Math.abs));
  }

  // (h, w) -> (h / size, w / size): the largest of each square.
  function pooled({ shape, data }, size) {
    const out = lenet.maxPool2d(lenet.tensor([1, ...shape], data), size);
    return lenet.tensor(out.shape.slice(1), out.data);
  }

  // What a move of `down` and `right` pixels makes of the maps pooled by `size`.
  function shiftTest(digit, kernel, size, down, right) {
    const before = pooled(strength(digit, kernel, 0, 0), size), after = pooled(strength(digit, kernel, down, right), size);
    const whole = down % size === 0 && right % size === 0; // can the map have moved just as far?
    const follows = whole && near(moved(before, down / size, right / size), after);
    return { ...comparison(before, after), stays: near(before, after), follows };
  }

  // Two maps of one shape, the distance of their values, and the relative change as in chapter 01:
  // |after - before| / |before|.
  function comparison(before, after) {
    const change = lenet.tensor(before.shape, after.data.map((value, k) => Math.abs(value - before.data[k])));
    return { before, after, change, relative: length(change) / (length(before) || 1) };
  }

  const near = (a, b) => a.data.every((value, k) => Math.abs(value - b.data[k]) < 1e-5);
  const length = ({ data }) => Math.sqrt(data.reduce((sum, value) => sum + value * value, 0));

  class ShiftTest {
    constructor(images) {
      this.images = images;
      this.names = Object.keys(images).filter((name) => name.startsWith("digit") || name === "drawing");
      this.name = "digit4";
      this.move = [0, 1];
      this.columns = COLUMNS.map(([size, name]) => makeColumn(size, name));
      this.picture = makeColumn(1, "the digit");
      this.note = element("p", { class: "slide-where" });
      this.kernelNote = element("p", { class: "network-note" });
      this.redraw = lenet.page.onceAFrame(() => this.draw());
      this.element = this.layOut();
    }

    layOut() {
      const entries = this.names.map((name) => [name, this.images[name].label]);
      this.choice = lenet.sliding.choice("Digit", entries, (name) => this.useImage(name));
      this.choice.field.value = this.name;
      const button = (text, onclick) => element("button", { type: "button", onclick }, text);
      this.ways = WAYS.map(([name, ...step]) => ({ step, button: button(`one ${name}`, () => this.step(...step)) }));
      const back = button("back in place", () => this.step(-this.move[0], -this.move[1]));
      const bar = element("div", { class: "network-bar" },
        this.choice.element, this.ways.map((way) => way.button), back);
      return element("div", {}, this.kernelNote, bar, this.note, tableOf(this.columns),
        element("p", { class: "network-note" }, "The change is the length of the difference, in per cent of the length of ",
          "the map in place. As in chapter 1, length is the root of the sum of all squares: 0\u00a0% if nothing changes, ",
          "141\u00a0% (the root of 2) between two maps of equal length that have no place in common."),
        element("div", { class: "slide-shift" }, [this.picture, ...this.columns].map((column) => column.element)));
    }

    // Digits, and the reader's drawing: other images have no empty ground to move on.
    useImage(name) {
      if (!this.names.includes(name)) return;
      this.name = this.choice.field.value = name;
      this.redraw();
    }

    // No further than the windows reach, and said so.
    step(...step) {
      const far = reach(this.images[this.name].image, this.kernel);
      this.move = this.move.map((pixels, k) => Math.max(-far, Math.min(far, pixels + step[k])));
      this.draw();
      const verdicts = this.columns.map(({ name, verdict, change }) => `${name}: ${verdict.textContent}, ${change.textContent}.`);
      announce([this.note.textContent, ...verdicts].join(" "));
    }

    useKernel(kernel, name) {
      this.kernel = kernel;
      this.kernelNote.textContent = `Kernel: ${name}, as chosen above, without bias. ` +
        `Its map has ${MAP}x${MAP} places, because the digit has an empty margin to move in, and 2 and 4 divide ${MAP}. ` +
        "Shown is the strength of the response, without the sign; pooling keeps the largest of each square of 2x2 or " +
        "4x4, and of the whole map the largest.";
      this.redraw();
    }

    draw() {
      const { image } = this.images[this.name], { kernel } = this, far = reach(image, kernel);
      const [down, right] = this.move = this.move.map((pixels) => Math.max(-far, Math.min(far, pixels)));
      const range = rangeOf(strength(image, kernel, 0, 0)), still = padded(image, marginOf(image, kernel));
      this.note.textContent = noteOn(image, down, right, far);
      for (const { step, button } of this.ways) {
        const isFar = step.some((pixels, k) => pixels && pixels * this.move[k] >= far);
        button.setAttribute("aria-disabled", String(isFar)); // and not `disabled`: it keeps the focus
      }
      showColumn(this.picture, comparison(still, moved(still, down, right)), 1);
      for (const column of this.columns) {
        const found = shiftTest(image, kernel, column.size, down, right);
        showColumn(column, found, range);
        column.verdict.textContent = verdict(found, down === 0 && right === 0);
        column.change.textContent = `${written(100 * found.relative, 0)}\u00a0%`;
      }
    }
  }

  function makeColumn(size, name) {
    const [before, after, difference] = ["in place", "moved", "difference"].map((row) => new MapView({ name: row, hint: name }));
    const parts = [element("strong", {}, name), before.element, after.element, difference.element];
    return { size, name, before, after, difference, verdict: element("td"), change: element("td"),
      element: element("div", { class: "slide-column" }, parts) };
  }

  // What the maps do, in words: a table beside the buttons, also where the maps lie a screen below.
  function tableOf(columns) {
    const head = ["Map", "What it does", "Change"].map((text) => element("th", { scope: "col" }, text));
    const rows = columns.map(({ name, verdict: words, change }) =>
      element("tr", {}, element("th", { scope: "row" }, name), words, change));
    return element("table", { class: "slide-verdicts" }, element("thead", {}, element("tr", {}, head)), element("tbody", {}, rows));
  }

  function showColumn(column, { before, after, change }, range) {
    column.before.show(before, { look: "ink", range });
    column.after.show(after, { look: "ink", range });
    column.difference.show(change, { look: "ink", range });
  }

  const count = (n, one, other) => `${Math.abs(n)} ${Math.abs(n) === 1 ? "pixel" : "pixels"} ${n > 0 ? one : other}`;

  function noteOn(image, down, right, far) {
    if (!image.data.some((ink) => ink)) return "There is no drawing yet: choose the image “your own drawing” at the top, and draw.";
    const parts = [right && count(right, "to the right", "to the left"), down && count(down, "down", "up")].filter(Boolean);
    const isFar = Math.max(Math.abs(down), Math.abs(right)) >= far;
    const end = isFar ? `; ${far} is the most, or its map would be cut at the border` : "";
    return `The digit is ${parts.length ? `moved by ${parts.join(" and ")}` : "in its place"}${end}.`;
  }

  function verdict({ stays, follows }, inPlace) {
    if (inPlace) return "not moved";
    if (stays) return "stays the same";
    return follows ? "follows the digit" : "neither stays nor follows";
  }

  Object.assign(lenet.sliding, { ShiftTest, shiftTest });
}
