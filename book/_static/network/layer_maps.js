"use strict";
// The maps of one layer in one canvas: painted, marked, and found again under the pointer. It needs
// ops.js and page.js.
//
// One canvas and not one for each map, because everything is painted again with every stroke that a
// reader draws. Colours are those of the course's drawings: white for the smallest number that is
// expected in a layer, dark for the largest; a hue for each kind of layer.

{
  const { element, colours, rangeOf } = lenet.page;
  const INK = "#222222", ORANGE = "#D55E00"; // as in lenetcourse.show.canvas
  const HUES = {
    input: INK, conv2d: "#0072B2", maxPool2d: "#009E73", linear: ORANGE, softmax: ORANGE,
  };
  const SHADES = 256;

  // From white over a hue to a dark tone of it: SHADES colours [red, green, blue].
  function shades(hue) {
    const middle = [1, 3, 5].map((start) => parseInt(hue.slice(start, start + 2), 16));
    return Array.from({ length: SHADES }, (_, n) => {
      const share = (2 * n) / (SHADES - 1);
      const darker = 1 - 0.65 * (share - 1);
      return middle.map((value) => (share <= 1 ? 255 + share * (value - 255) : value * darker));
    });
  }

  const RAMPS = Object.fromEntries(Object.entries(HUES).map(([kind, hue]) => [kind, shades(hue)]));
  const SIGNED = Array.from({ length: SHADES }, (_, n) =>
    colours.signed((2 * n) / (SHADES - 1) - 1));

  // Smallest and largest number of a layer.
  const limitsOf = ({ data }) => [
    data.reduce((a, b) => Math.min(a, b), Infinity), data.reduce((a, b) => Math.max(a, b), -Infinity),
  ];

  // A canvas with the maps of a tensor (channels, height, width), side by side in rows. All lengths
  // are CSS pixels.
  class LayerMaps {
    constructor(attributes = {}) {
      this.canvas = element("canvas", { class: "layers-maps", ...attributes });
      this.pixels = document.createElement("canvas"); // a pixel a number; maps below one another
    }

    // `kind` gives the hue, `limits` the numbers that are white and dark, and so is what lies
    // beyond them; with `signed`, white is 0 and blue is negative. `scale` is the side of a number,
    // `most` the width that there is, `only` the one map to show, or null for all.
    paint(values, { kind, limits, scale, most = Infinity, signed = false, only = null }) {
      const [channels, height, width] = values.shape, isVector = height * width === 1;
      const count = only === null ? channels : 1, gap = isVector ? 2 : 4;
      const fitting = Math.floor((most + gap - 2) / (width * scale + gap));
      const wanted = Math.max(isVector ? 10 : 1, Math.ceil(Math.sqrt(count)));
      const columns = Math.max(1, Math.min(wanted, count, fitting));
      const cell = { wide: scale, high: scale };
      const pen = this.lay({ values, cell, columns, gap, only, margin: 1, hue: HUES[kind] });
      const range = rangeOf(values);
      if (signed) this.fillPixels(values, SIGNED, [-range, range]);
      else this.fillPixels(values, RAMPS[kind], limits);
      for (let n = 0; n < count; n++) {
        const channel = only ?? n, { x, y } = this.corner(channel);
        const box = [x, y, width * scale, height * scale];
        pen.drawImage(this.pixels, 0, channel * height, width, height, ...box);
        frame(pen, box, HUES[kind], isVector ? 0.5 : 1);
      }
    }

    // A few scores or probabilities, (classes, 1, 1), as bars, each with its digit before it and
    // its number, as `text` writes it, behind it. The scale goes beyond `limits` where it must.
    paintBars(values, { kind, limits, scale, text }) {
      const cell = { wide: 40 * scale, high: 4 * scale }, { data } = values, hue = HUES[kind];
      const pen = this.lay({ values, cell, columns: 1, gap: 0, only: null, margin: 1, hue });
      const low = Math.min(0, limits[0], ...data), high = Math.max(0, limits[1], ...data);
      const start = 4 * scale, room = 20 * scale, best = data.indexOf(Math.max(...data));
      const at = (value) => start + (room * (value - low)) / (high - low || 1);
      data.forEach((value, n) => {
        const y = 1 + n * cell.high, middle = y + cell.high / 2 + 0.5;
        pen.font = `${n === best ? "bold " : ""}${Math.round(3 * scale)}px sans-serif`;
        pen.fillStyle = hue;
        pen.fillRect(at(Math.min(0, value)), y + 2, Math.abs(at(value) - at(0)), cell.high - 4);
        pen.fillStyle = INK;
        pen.fillText(String(n), 1.2 * scale, middle);
        pen.fillText(text(value), start + room + scale, middle);
      });
      pen.fillRect(at(0), 0, 0.75, this.size.height);
    }

    // Frame a region in the maps that it lies in; `isPlace` is the number itself.
    mark({ channel, top, left, bottom, right }, isPlace = false) {
      const pen = this.canvas.getContext("2d"), { hue } = this.layout;
      for (const box of this.boxes({ channel, top, left, bottom, right })) {
        if (isPlace) frame(pen, box, "white", 4); // seen also on dark numbers
        frame(pen, box, isPlace && hue === ORANGE ? INK : ORANGE, 2);
      }
    }

    // Where a region lies on the canvas: [x, y, width, height], one for each map that it lies in;
    // one for all maps together where it is all of them.
    boxes({ channel, top, left, bottom, right }) {
      const { values: { shape: [channels, height, width] }, only, cell } = this.layout;
      const isAll = channel === null && (bottom - top) * (right - left) === height * width;
      if (isAll && only === null) return [[1, 1, this.size.width - 2, this.size.height - 2]];
      const shown = Array.from({ length: channels }, (_, n) => n)
        .filter((n) => (channel ?? n) === n && (only ?? n) === n);
      return shown.map((n) => {
        const { x, y } = this.corner(n);
        return [x + left * cell.wide, y + top * cell.high,
          (right - left) * cell.wide, (bottom - top) * cell.high];
      });
    }

    // What lies under a pointer's event: {channel, row, column}, or null between the maps.
    at(event) {
      const { values: { shape: [channels, height, width] }, cell, only } = this.layout;
      const place = this.canvas.getBoundingClientRect();
      const across = ((event.clientX - place.left) * this.size.width) / place.width;
      const down = ((event.clientY - place.top) * this.size.height) / place.height;
      for (let channel = 0; channel < channels; channel++) {
        if ((only ?? channel) !== channel) continue;
        const { x, y } = this.corner(channel);
        const row = Math.floor((down - y) / cell.high);
        const column = Math.floor((across - x) / cell.wide);
        const isInside = row >= 0 && row < height && column >= 0 && column < width;
        if (isInside) return { channel, row, column };
      }
      return null;
    }

    // Make room for maps of cells, `columns` of them in a row; return a pen on white.
    lay(layout) {
      this.layout = layout;
      const { values: { shape: [channels, height, width] }, cell, columns, gap, margin } = layout;
      const rows = Math.ceil((layout.only === null ? channels : 1) / columns);
      return this.resize(
        columns * (width * cell.wide + gap) - gap + 2 * margin,
        rows * (height * cell.high + gap) - gap + 2 * margin);
    }

    // The upper left corner of a map.
    corner(channel) {
      const { values, cell, columns, gap, margin, only } = this.layout;
      const [, height, width] = values.shape;
      const n = only === null ? channel : 0;
      const x = margin + (n % columns) * (width * cell.wide + gap);
      return { x, y: margin + Math.floor(n / columns) * (height * cell.high + gap) };
    }

    // As large as said, as fine as the screen, and white.
    resize(width, height) {
      const fine = devicePixelRatio || 1, pen = this.canvas.getContext("2d"), { size } = this;
      if (size?.width !== width || size.height !== height || size.fine !== fine) {
        this.size = { width, height, fine };
        this.canvas.width = Math.round(width * fine);
        this.canvas.height = Math.round(height * fine);
        this.canvas.style.width = `${width}px`;
      }
      pen.setTransform(fine, 0, 0, fine, 0, 0);
      pen.imageSmoothingEnabled = false;
      pen.textBaseline = "middle";
      pen.fillStyle = "white";
      pen.fillRect(0, 0, width, height);
      return pen;
    }

    fillPixels({ shape: [channels, height, width], data }, ramp, [low, high]) {
      if (this.pixels.width !== width) this.pixels.width = width;
      if (this.pixels.height !== channels * height) this.pixels.height = channels * height;
      const picture = new ImageData(width, channels * height);
      const unit = high > low ? (SHADES - 1) / (high - low) : 0;
      data.forEach((value, n) => {
        const shade = Math.min(SHADES - 1, Math.max(0, Math.round((value - low) * unit)));
        const [red, green, blue] = ramp[shade];
        picture.data[4 * n] = red;
        picture.data[4 * n + 1] = green;
        picture.data[4 * n + 2] = blue;
        picture.data[4 * n + 3] = 255;
      });
      this.pixels.getContext("2d").putImageData(picture, 0, 0);
    }
  }

  function frame(pen, box, color, width) {
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.strokeRect(...box);
  }

  // The colours of a kind of layer as a small bar, for a legend.
  function rampBar(kind) {
    const size = { width: 64, height: 1 };
    const bar = element("canvas", { ...size, class: "layers-ramp", "aria-hidden": "true" });
    const pen = bar.getContext("2d");
    for (let n = 0; n < size.width; n++) {
      pen.fillStyle = `rgb(${RAMPS[kind][4 * n].map(Math.round).join(",")})`;
      pen.fillRect(n, 0, 1, 1);
    }
    return bar;
  }

  Object.assign(lenet, { LayerMaps });
  Object.assign(lenet.page, { rampBar, limitsOf });
}
