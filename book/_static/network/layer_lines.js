"use strict";
// The thin lines from the window of a number to the number itself, as in the drawings of chapter
// 02: over the picture of all layers. It needs page.js.

{
  const { svg } = lenet.page;

  // An element to lie over `node`, which is positioned; draw(from, to, regions) draws the lines.
  class WindowLines {
    constructor(node) {
      this.node = node;
      this.element = svg("svg", { class: "layers-lines", "aria-hidden": "true" });
    }

    // Two lines from each box of `region` in the maps `from` to that of `place` in the maps `to`,
    // both LayerMaps; without `from` none.
    draw(from, region, to, place) {
      if (!from) return this.element.replaceChildren();
      const [end] = to.boxes(place).map((box) => this.onNode(to, box));
      const lines = from.boxes(region).flatMap((box) => sides(this.onNode(from, box), end));
      const line = ([[x1, y1], [x2, y2]]) => svg("line", { x1, y1, x2, y2 });
      this.element.replaceChildren(...lines.map(line));
    }

    // A box of a canvas, in pixels of the node that everything lies in.
    onNode({ canvas }, [x, y, width, height]) {
      const outer = this.node.getBoundingClientRect(), inner = canvas.getBoundingClientRect();
      return [x + inner.left - outer.left, y + inner.top - outer.top, width, height];
    }
  }

  // The two lines between boxes: from the corners of the side that looks at the other box.
  function sides(from, to) {
    const [[x, y, wide, high], [toX, toY, toWide, toHigh]] = [from, to];
    if (toX >= x + wide) return between([x + wide, y, 0, high], [toX, toY, 0, toHigh]);
    if (toX + toWide <= x) return between([x, y, 0, high], [toX + toWide, toY, 0, toHigh]);
    return between([x, y + high, wide, 0], [toX, toY, toWide, 0]); // below it, as on a phone
  }

  const between = ([x, y, wide, high], [toX, toY, toWide, toHigh]) =>
    [[[x, y], [toX, toY]], [[x + wide, y + high], [toX + toWide, toY + toHigh]]];

  lenet.WindowLines = WindowLines;
}
