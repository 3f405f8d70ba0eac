"use strict";
// What the page "Slide a kernel" shows of one state: input, kernel and map, and the sum in numbers.

{
  const { element, drawMap, rangeOf } = lenet.page;
  const { POOLINGS, MapView, NumberTable, KernelFields, windowAt, squareOf, extremes, written } = lenet.sliding;
  const HINT = "Weights and bias: whole numbers, decimals or fractions such as 1/9, from −99 to 99.";

  // What follows a sign goes into the next line together with it.
  const term = (text, ...what) =>
    element("div", { class: "slide-term" }, element("span", { class: "slide-sign", "aria-hidden": "true" }, text), what);

  class SlideView {
    // Of its listeners, `onStep(down, right)` hears keys on a map, `onPixel`, `onPlace` and
    // `onSquare(row, column)` a pointer on input, map and pooled map, `onKernel(kernel)` of a changed
    // weight, `onWrong(text)` of one that cannot be read.
    constructor({ onStep, onPixel, onPlace, onSquare, onKernel, onWrong }) {
      const hint = "The arrow keys move the window, Home and End bring it to the first and the last place.";
      this.input = new MapView({ name: "input", hint, onStep, onPlace: onPixel });
      this.map = new MapView({ name: "map", hint, onStep, onPlace });
      this.pooled = new MapView({ name: "pooled", hint: "Marked: the square of the window’s place.", onPlace: onSquare });
      this.tables = ["window", "weights", "products"].map((name) => new NumberTable(name));
      this.fields = new KernelFields({ onChange: onKernel, onWrong });
      this.sum = element("dl", { class: "slide-sum" });
      this.colours = element("p", { class: "network-note" });
      this.message = element("p", { class: "network-wrong", role: "alert" });
      this.scope = element("span");
      this.ends = ["largest", "smallest"].map((name) =>
        ({ name, button: element("button", { type: "button", onclick: () => onPlace(...this.placeOf[name]) }) }));
      this.layOut();
    }

    // The message lies over the hint: nothing below them moves when it comes.
    layOut() {
      const kernel = element("div", { class: "slide-middle" }, this.fields.caption, this.fields.element);
      this.pooledTerm = term("→", this.pooled.element);
      this.equation = element("div", {},
        element("div", { class: "slide-equation" }, element("div", { class: "slide-term" }, this.input.element),
          term("∗", kernel), term("=", this.map.element), this.pooledTerm),
        element("div", { class: "slide-message" }, element("p", { class: "network-note" }, HINT), this.message),
        this.colours,
        element("div", { class: "network-bar" }, this.scope, this.ends.map(({ button }) => button)));
      const [window, weights, products] = this.tables.map((table) => table.element);
      this.sums = element("div", { class: "slide-sums" }, element("div", { class: "slide-term" }, window),
        term("×", weights), term("=", products), this.sum);
    }

    complain(text) {
      if (this.message.textContent !== text) this.message.textContent = text;
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
      this.explainColours(looks, found);
      this.showExtremes(found, known);
    }

    showExtremes({ active }, known) {
      const found = extremes(active, known);
      this.scope.textContent = known < active.data.length ? "In the map so far:" : "In the map:";
      this.placeOf = {};
      for (const { name, button } of this.ends) {
        const { row, column, value } = found[name];
        this.placeOf[name] = [row, column];
        button.textContent = `${name} ${written(value)}, row ${row + 1}, column ${column + 1}`;
      }
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
      this.pooledTerm.hidden = !found.pooled;
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

    explainColours({ input, map }, { active, pooling }) {
      const ground = input === "ink" ? "Input: white is paper (0), black is ink (1)."
        : "Input: black is dark (0), white is bright (1).";
      const scale = map.look === "signed" ? scaleOf(active, map.range)
        : "Map: coloured as the input, because the weights sum to 1.";
      const minds = pooling.startsWith("max") && active.data.some((value) => value < 0);
      const sign = minds ? [element("br"), "“Largest” minds the sign: of −3 and 0.5 it keeps 0.5."] : [];
      this.colours.replaceChildren(ground, " ", scale, ...sign);
    }
  }

  // What the colours of a map with a sign mean, from its smallest to its largest colour: an element.
  // Of the scale, blue to white to red, only the sides that are in the map.
  function scaleOf({ data }, range) {
    const low = data.some((value) => value < 0) ? -1 : 0, high = low === 0 || data.some((value) => value > 0) ? 1 : 0;
    const steps = 64, shares = Float32Array.from({ length: steps }, (_, k) => low + ((high - low) * (k + 0.5)) / steps);
    const bar = drawMap(element("canvas", { "aria-hidden": "true" }), { shape: [1, steps], data: shares }, { range: 1, signed: true });
    const words = ["map:", low < 0 && "blue below 0,", "white 0", high > 0 && ", red above"].filter(Boolean);
    return element("span", { class: "network-legend" }, element("span", {}, written(low * range)), bar,
      element("span", {}, written(high * range)), element("small", {}, words.join(" ").replace(" ,", ",")));
  }

  // A kernel whose weights sum to 1 makes an image of an image: its map is coloured like one, as far
  // as colours reach. All other maps have a sign, and colours for the values that are shown.
  function lookOf({ active, bias }, kernel, input) {
    const sum = kernel.data.reduce((total, weight) => total + weight, 0);
    const isImage = Math.abs(sum - 1) < 1e-3 && bias === 0;
    return { input, map: isImage ? { look: input, range: 1 } : { look: "signed", range: rangeOf(active) } };
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
