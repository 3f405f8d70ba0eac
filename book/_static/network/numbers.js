"use strict";
// How the page "Slide a kernel" shows numbers: a map as pixels with frames over it, a window as a
// table, a kernel as fields; and what is chosen.

{
  const { element, drawMap, colours, rangeOf } = lenet.page;
  const { written } = lenet.sliding;
  const READABLE = 7; // columns up to which a map's numbers are written into its cells
  const LETTERS = 5; // of a number that fits into such a cell
  const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  // How a tensor is coloured: "ink" (0 white), "light" (0 black) or "signed" (0 white, blue below).
  const shares = { ink: (share) => colours.ink(share), light: (share) => colours.ink(1 - share), signed: colours.signed };

  // Colours for a cell with a number in it; the darkest stands for `range`.
  function cellStyle(value, look, range) {
    const [red, green, blue] = shares[look](value / range);
    const dark = 0.299 * red + 0.587 * green + 0.114 * blue < 140;
    return `background: rgb(${red}, ${green}, ${blue}); color: ${dark ? "white" : "black"}`;
  }

  // A map (h, w) as pixels. With `onPlace(row, column)` it is a control: a pointer held on it and the
  // arrow keys, `onStep(down, right)`, move what the page marks; Home and End go to both ends.
  class MapView {
    constructor({ name, hint = "", onPlace = null, onStep = null }) {
      this.name = name;
      const keys = onStep
        ? { tabindex: "0", role: "application", onkeydown: (event) => this.key(event, onStep) } : { role: "img" };
      this.canvas = element("canvas", { ...keys, "aria-label": `${name}. ${hint}` });
      this.cells = element("div", { class: "slide-cells", "aria-hidden": "true" });
      this.frames = element("div", { "aria-hidden": "true" });
      this.caption = element("p", { class: "slide-caption" });
      this.element = element("div", { class: "slide-figure" }, this.caption,
        element("div", { class: "slide-map" }, this.canvas, this.cells, this.frames));
      if (onPlace) this.followPointer(onPlace);
    }

    followPointer(onPlace) {
      this.canvas.classList.add("slide-held");
      const place = (event) => {
        const box = this.canvas.getBoundingClientRect(), [height, width] = this.shape;
        const pixel = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
        onPlace(pixel((event.clientY - box.top) / box.height, height), pixel((event.clientX - box.left) / box.width, width));
      };
      this.canvas.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        this.canvas.setPointerCapture(event.pointerId);
        place(event);
      });
      this.canvas.addEventListener("pointermove", (event) => {
        if (this.canvas.hasPointerCapture(event.pointerId)) place(event);
      });
    }

    key(event, onStep) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const ends = { Home: [-Infinity, -Infinity], End: [Infinity, Infinity] };
      const step = MOVES[event.key] ?? ends[event.key];
      if (!step) return;
      event.preventDefault();
      onStep(...step);
    }

    // `known`: how many values are there already, in reading order. `frames`: [{row, column, rows,
    // columns, kind}], in pixels of the map.
    show(values, { look, range = rangeOf(values), known = Infinity, frames = [] }) {
      const [height, width] = this.shape = values.shape;
      const drawn = look === "light" ? { shape: values.shape, data: values.data.map((value) => range - value) } : values;
      drawMap(this.canvas, drawn, { range, signed: look === "signed" });
      const pen = this.canvas.getContext("2d"), row = Math.floor(known / width);
      if (known < height * width) { // what is not known yet is no colour at all
        pen.clearRect(known % width, row, width, 1);
        pen.clearRect(0, row + 1, width, height);
      }
      this.caption.textContent = `${this.name} ${height}x${width}`;
      this.showNumbers(values, look, range, known);
      this.frames.replaceChildren(...frames.map((frame) => frameOn(frame, height, width)));
    }

    // The style sheet makes room for what is written, by `--columns` and the longest number's `--letters`.
    showNumbers({ shape: [, width], data }, look, range, known) {
      this.element.style.setProperty("--columns", width);
      this.element.classList.toggle("slide-written", width <= READABLE);
      const texts = width <= READABLE ? shortened(data, width < 5 ? 2 : 1) : [];
      this.cells.style.setProperty("--letters", Math.max(3, ...texts.map((text) => text.length)));
      this.cells.replaceChildren(...texts.map((text, k) => k < known
        ? element("span", { style: cellStyle(data[k], look, range) }, text) : element("span")));
    }
  }

  // Numbers as texts, with fewer decimals where the longest would be too long for a cell.
  function shortened(data, decimals) {
    const texts = Array.from(data, (value) => written(value, decimals));
    const isLong = texts.some((text) => text.length > LETTERS);
    return isLong && decimals > 0 ? shortened(data, decimals - 1) : texts;
  }

  // A frame around some pixels, placed in per cent so that it follows the map's size.
  function frameOn({ row, column, rows, columns, kind }, height, width) {
    const share = (part, whole) => `${(100 * part) / whole}%`;
    const style = `top: ${share(row, height)}; height: ${share(rows, height)}; ` +
      `left: ${share(column, width)}; width: ${share(columns, width)}`;
    return element("div", { class: `slide-frame slide-${kind}`, style });
  }

  // Numbers (k, k) in coloured cells: window, weights, products.
  class NumberTable {
    constructor(name) {
      this.caption = element("p", { class: "slide-caption" }, name);
      this.table = element("table", { "aria-label": name });
      this.element = element("div", { class: "slide-numbers" }, this.caption, this.table);
    }

    rename(name) {
      this.caption.textContent = name;
      this.table.setAttribute("aria-label", name);
    }

    show({ shape: [rows, columns], data }, { look, range }) {
      if (this.table.querySelectorAll("td").length !== rows * columns) this.build(rows, columns);
      this.table.querySelectorAll("td").forEach((cell, k) => {
        cell.setAttribute("style", cellStyle(data[k], look, range));
        cell.firstChild.textContent = written(data[k]);
      });
    }

    build(rows, columns) {
      const cell = () => element("td", {}, element("span"));
      const row = () => element("tr", {}, Array.from({ length: columns }, cell));
      this.table.replaceChildren(...Array.from({ length: rows }, row));
    }
  }

  // The fields of a kernel. `onChange(kernel)` is called with each new one, `onWrong(text)` as in
  // NumberField.
  class KernelFields {
    constructor({ onChange, onWrong }) {
      Object.assign(this, { onChange, onWrong, fields: [] });
      this.caption = element("p", { class: "slide-caption" });
      this.element = element("div", { class: "slide-kernel", role: "group", "aria-label": "Kernel: weights" });
    }

    show(kernel) {
      const [side] = kernel.shape, range = rangeOf(kernel);
      if (this.fields.length !== side * side) this.build(side);
      this.kernel = kernel;
      this.caption.textContent = `kernel ${side}x${side}`;
      this.fields.forEach((field, k) => {
        field.step = kernel.data.every(Number.isInteger) ? 1 : 0.1;
        field.input.setAttribute("style", cellStyle(kernel.data[k], "signed", range));
        field.show(kernel.data[k]);
      });
    }

    build(side) {
      this.fields = Array.from({ length: side * side }, (_, k) => new lenet.sliding.NumberField({
        what: "weight", "aria-label": `row ${Math.floor(k / side) + 1}, column ${(k % side) + 1}`,
        onNumber: (value) => this.change(k, value), onWrong: this.onWrong,
      }));
      this.element.style.gridTemplateColumns = `repeat(${side}, max-content)`;
      this.element.replaceChildren(...this.fields.map(({ input }) => input));
    }

    change(k, value) {
      if (value === this.kernel.data[k]) return;
      const data = this.kernel.data.slice();
      data[k] = value;
      this.kernel = lenet.tensor(this.kernel.shape, data); // at once: the next key comes before the next frame
      this.onChange(this.kernel);
    }
  }

  const labelled = (label, field) =>
    element("label", { class: "slide-field" }, element("span", { class: "slide-name" }, label), field);

  // A list to choose from, with its label.
  function choice(label, entries, onChoice) {
    const field = element("select", { onchange: () => onChoice(field.value) },
      entries.map(([value, text]) => element("option", { value }, text)));
    return { field, element: labelled(label, field) };
  }

  function tick(label, onTick) {
    const field = element("input", { type: "checkbox", onchange: () => onTick(field.checked) });
    return { field, element: element("label", { class: "slide-field" }, field, label) };
  }

  Object.assign(lenet.sliding, { MapView, NumberTable, KernelFields, choice, tick, labelled });
}
