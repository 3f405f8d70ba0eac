"use strict";
// What the page "Slide a kernel" shows of one state: input, kernel and map, and the sum in numbers.

{
  const { element, legend, rangeOf } = lenet.page;
  const { POOLINGS, MapView, NumberTable, KernelFields, windowAt, squareOf, written } = lenet.sliding;

  const sign = (text) => element("span", { class: "slide-sign", "aria-hidden": "true" }, text);

  class SlideView {
    // Of its listeners, `onStep(down, right)` hears keys on a map, `onPixel`, `onPlace` and
    // `onSquare(row, column)` a pointer on input, map and pooled map, `onKernel(kernel)` of a changed
    // weight, `onWrong(error)` of one that cannot be read.
    constructor({ onStep, onPixel, onPlace, onSquare, onKernel, onWrong }) {
      const hint = "The arrow keys move the window, Home and End bring it to the first and the last place.";
      this.input = new MapView({ name: "input", hint, onStep, onPlace: onPixel });
      this.map = new MapView({ name: "map", hint, onStep, onPlace });
      this.pooled = new MapView({ name: "pooled", hint: "Marked: the square of the window’s place.", onPlace: onSquare });
      this.tables = ["window", "weights", "products"].map((name) => new NumberTable(name));
      this.fields = new KernelFields({ onChange: onKernel, onWrong });
      this.sum = element("dl", { class: "slide-sum" });
      this.colours = element("p", { class: "network-note" });
      this.equation = element("div", {},
        element("div", { class: "slide-equation" }, this.input.element, sign("∗"),
          element("div", { class: "slide-middle" }, this.fields.caption, this.fields.element),
          sign("="), this.map.element, this.pooled.element),
        this.colours);
      const [window, weights, products] = this.tables.map((table) => table.element);
      this.sums = element("div", { class: "slide-sums" }, window, sign("×"), weights, sign("="), products, this.sum);
    }

    // `found` is what lenet.sliding.slide has found, `known` how much of its map is filled in.
    draw({ found, place, known, kernel, light = false }) {
      const looks = lookOf(found, kernel, light ? "light" : "ink");
      const square = squareOf(found, ...place);
      this.drawInput(found, place, looks.input);
      this.drawMap(found, place, known, square, looks.map);
      this.drawPooled(found, known, square, looks.map);
      this.drawTables(found, windowAt(found, ...place), looks.input);
      this.drawSum(found, windowAt(found, ...place), square);
      this.fields.show(kernel);
      this.explainColours(looks);
    }

    drawInput({ input, laid, stride, padding }, [row, column], look) {
      const [side] = laid.shape, [height, width] = input.shape;
      const window = { row: row * stride, column: column * stride, rows: side, columns: side, kind: "window" };
      const image = { row: padding, column: padding, rows: height - 2 * padding, columns: width - 2 * padding, kind: "edge" };
      this.input.show(input, { look, range: 1, frames: padding ? [image, window] : [window] });
    }

    drawMap({ active, size }, [row, column], known, square, look) {
      const frames = [{ row, column, rows: 1, columns: 1, kind: "one" }];
      if (square) frames.unshift({ row: square[0] * size, column: square[1] * size, rows: size, columns: size, kind: "window" });
      this.map.show(active, { ...look, known, frames });
    }

    drawPooled(found, known, square, look) {
      this.pooled.element.hidden = !found.pooled;
      if (!found.pooled) return;
      const frames = square ? [{ row: square[0], column: square[1], rows: 1, columns: 1, kind: "one" }] : [];
      this.pooled.show(found.pooled, { ...look, known: squaresKnown(found, known), frames });
    }

    drawTables({ laid, convolution }, { window, products }, look) {
      const [windowTable, weightTable, productTable] = this.tables;
      windowTable.show(window, { look, range: 1 });
      weightTable.rename(convolution ? "weights, turned" : "weights");
      weightTable.show(laid, { look: "signed", range: rangeOf(laid) });
      productTable.show(products, { look: "signed", range: rangeOf(products) });
    }

    drawSum({ bias, pooled, relu, pooling }, { sum, value, active }, square) {
      const lines = [["sum of the products", written(sum)], ["+ bias", written(bias)], ["response", written(value)]];
      if (relu) lines.push(["after ReLU", written(active)]);
      if (square) lines.push([POOLINGS[pooling].label, written(pooled.data[square[0] * pooled.shape[1] + square[1]])]);
      else if (pooled) lines.push(["beyond the last square", "–"]);
      this.sum.replaceChildren(...lines.map(([name, number]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, number))));
    }

    // The weights turn by 180 degrees into their new places, anew each time; page.css stops it for
    // those who want no motion.
    turn() {
      const [, { table }] = this.tables, turning = "slide-turning";
      table.classList.remove(turning);
      table.onanimationend = () => table.classList.remove(turning);
      requestAnimationFrame(() => table.classList.add(turning));
    }

    explainColours({ input, map }) {
      const ground = input === "ink" ? "Input: white is paper (0), black is ink (1)."
        : "Input: black is dark (0), white is bright (1).";
      const scale = map.look === "signed" ? legend({ range: map.range, signed: true, label: "map" })
        : "Map: coloured as the input, because the weights sum to 1.";
      this.colours.replaceChildren(ground, " ", scale);
    }
  }

  // A kernel whose weights sum to 1 makes an image of an image: its map is coloured like one, as far
  // as colours reach. All other maps have a sign.
  function lookOf({ map, bias }, kernel, input) {
    const sum = kernel.data.reduce((total, weight) => total + weight, 0);
    const isImage = Math.abs(sum - 1) < 1e-3 && bias === 0;
    return { input, map: isImage ? { look: input, range: 1 } : { look: "signed", range: rangeOf(map) } };
  }

  // How many squares have their number, when `known` places of the map have theirs: those whose last
  // place is known.
  function squaresKnown({ map, pooled: { shape: [rows, columns] }, size }, known) {
    const last = (k) => ((Math.floor(k / columns) + 1) * size - 1) * map.shape[1] + ((k % columns) + 1) * size;
    let squares = 0;
    while (squares < rows * columns && last(squares) <= known) squares++;
    return squares;
  }

  Object.assign(lenet.sliding, { SlideView });
}
