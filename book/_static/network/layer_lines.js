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

  // The two lines between boxes that have both boxes between them: from the outermost corners of
  // the one to those of the other, seen along the way.
  function sides(from, to) {
    const middle = ([x, y, width, height]) => [x + width / 2, y + height / 2];
    const [[x1, y1], [x2, y2]] = [middle(from), middle(to)];
    const aside = ([x, y]) => (x - x1) * (y2 - y1) - (y - y1) * (x2 - x1); // of the way, left or right
    const outermost = (box) => corners(box).sort((a, b) => aside(a) - aside(b));
    const [start, end] = [outermost(from), outermost(to)];
    return [[start[0], end[0]], [start.at(-1), end.at(-1)]];
  }

  const corners = ([x, y, width, height]) =>
    [[x, y], [x + width, y], [x, y + height], [x + width, y + height]];

  lenet.WindowLines = WindowLines;
}
