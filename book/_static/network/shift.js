"use strict";
// Chapter 01's shift test: a digit moves by whole pixels, and its maps, pooled and not, follow, or
// stay, or change.

{
  const { element, announce, rangeOf } = lenet.page;
  const { MapView, moved, padded, written } = lenet.sliding;
  const MAP = 36; // side of the map: chapter 01's, which 2 and 4 divide
  const MARGIN = 5; // empty pixels around the digit, where it is shown
  const LARGEST = 4; // pixels that the digit moves at most: it stays within its margin
  const COLUMNS = [[1, "not pooled"], [2, "pooled by 2"], [4, "pooled by 4"], [MAP, "whole map"]];
  const WAYS = [["left", 0, -1], ["right", 0, 1], ["up", -1, 0], ["down", 1, 0]];

  // Digit (28, 28), kernel (k, k) -> strength of the responses, (36, 36), after a move.
  // The strength is the response without its sign: max pooling would keep one side of a stroke only.
  function strength(digit, kernel, down, right) {
    const side = kernel.shape[0], margin = (MAP + side - 1 - digit.shape[0]) / 2; // 5 pixels for a 3x3 kernel
    const { map } = lenet.sliding.slide(moved(padded(digit, margin), down, right), kernel);
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
      this.digits = Object.entries(images).filter(([name]) => name.startsWith("digit"));
      this.digit = images.digit4.image;
      this.move = [0, 1];
      this.columns = COLUMNS.map(([size, name]) => makeColumn(size, name));
      this.picture = makeColumn(1, "the digit");
      this.note = element("p", { class: "slide-where" });
      this.kernelNote = element("p");
      this.element = this.layOut();
    }

    layOut() {
      const names = this.digits.map(([name, { label }]) => [name, label]);
      const digit = lenet.sliding.choice("Digit", names, (name) => this.choose(name));
      digit.field.value = "digit4";
      const button = (text, onclick) => element("button", { type: "button", onclick }, text);
      const ways = WAYS.map(([name, ...step]) => button(`one ${name}`, () => this.step(...step)));
      const back = button("back in place", () => this.step(-this.move[0], -this.move[1]));
      return element("div", {}, this.kernelNote,
        element("div", { class: "network-bar" }, digit.element, ways, back), this.note,
        element("div", { class: "slide-shift" }, [this.picture, ...this.columns].map((column) => column.element)));
    }

    choose(name) {
      this.digit = Object.fromEntries(this.digits)[name].image;
      this.draw();
    }

    step(down, right) {
      this.move = [this.move[0] + down, this.move[1] + right].map((n) => Math.max(-LARGEST, Math.min(LARGEST, n)));
      this.draw();
      const verdicts = this.columns.map(({ name, verdict }) => `${name}: ${verdict.textContent}`);
      announce([this.note.textContent, ...verdicts].join(" "));
    }

    useKernel(kernel, name) {
      this.kernel = kernel;
      this.kernelNote.textContent =
        `Kernel: ${name}, as chosen above, without bias. Shown is the strength of its response, without the sign.`;
      this.draw();
    }

    draw() {
      const [down, right] = this.move, range = rangeOf(strength(this.digit, this.kernel, 0, 0));
      this.note.textContent = `The digit is ${whereTo(down, right)}.`;
      const still = padded(this.digit, MARGIN);
      showColumn(this.picture, comparison(still, moved(still, down, right)), 1);
      for (const column of this.columns) {
        const found = shiftTest(this.digit, this.kernel, column.size, down, right);
        showColumn(column, found, range);
        column.verdict.textContent = verdict(found, down === 0 && right === 0);
      }
    }
  }

  function makeColumn(size, name) {
    const [before, after, change] = ["in place", "moved", "difference"].map((row) => new MapView({ name: row, hint: name }));
    const words = element("p", { class: "slide-verdict" });
    const parts = [element("strong", {}, name), before.element, after.element, change.element, words];
    return { size, name, before, after, change, verdict: words, element: element("div", { class: "slide-column" }, parts) };
  }

  function showColumn(column, { before, after, change }, range) {
    column.before.show(before, { look: "ink", range });
    column.after.show(after, { look: "ink", range });
    column.change.show(change, { look: "ink", range });
  }

  const count = (n, one, other) => `${Math.abs(n)} ${Math.abs(n) === 1 ? "pixel" : "pixels"} ${n > 0 ? one : other}`;

  function whereTo(down, right) {
    const parts = [right && count(right, "to the right", "to the left"), down && count(down, "down", "up")].filter(Boolean);
    return parts.length ? `moved by ${parts.join(" and ")}` : "in its place";
  }

  function verdict({ stays, follows, relative }, inPlace) {
    const change = `changed by ${written(100 * relative, 0)}\u00a0%`;
    if (inPlace) return "Not moved.";
    if (stays) return "Stays the same.";
    return follows ? `Follows the digit; ${change}.` : `Neither stays nor follows; ${change}.`;
  }

  Object.assign(lenet.sliding, { ShiftTest, shiftTest });
}
