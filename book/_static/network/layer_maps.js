"use strict";
// The maps of one layer in one canvas: painted, marked, and found again under the pointer. It needs
// ops.js and page.js.
//
// One canvas and not one for each map, because everything is painted again with every stroke that a
// reader draws. Colours are those of the course's drawings: white for the smallest number of a
// layer, dark for its largest; a hue for each kind of layer.

{
  const { element, colours } = lenet.page;
  const INK = "#222222", MARK = "#D55E00"; // lenetcourse.show.canvas
  const HUES = { input: INK, conv2d: "#0072B2", maxPool2d: "#009E73", linear: "#D55E00", softmax: "#D55E00" };
  const SHADES = 256;

  // From white over a hue to a dark tone of it: SHADES colours [red, green, blue].
  function shades(hue) {
    const middle = [1, 3, 5].map((start) => parseInt(hue.slice(start, start + 2), 16));
    return Array.from({ length: SHADES }, (_, n) => {
      const share = (2 * n) / (SHADES - 1);
      return middle.map((value) => (share <= 1 ? 255 + share * (value - 255) : value * (1 - 0.65 * (share - 1))));
    });
  }

  const RAMPS = Object.fromEntries(Object.entries(HUES).map(([kind, hue]) => [kind, shades(hue)]));
  const SIGNED = Array.from({ length: SHADES }, (_, n) => colours.signed((2 * n) / (SHADES - 1) - 1));

  // Smallest and largest number. The scale of a picture begins at 0 and ends at 1 or more.
  function limitsOf({ data }, kind) {
    const low = data.reduce((a, b) => Math.min(a, b), Infinity), high = data.reduce((a, b) => Math.max(a, b), -Infinity);
    return kind === "input" ? [0, Math.max(1, high)] : [low, high];
  }

  // A canvas with the maps of a tensor (channels, height, width), side by side in rows.
  class LayerMaps {
    constructor(attributes = {}) {
      this.canvas = element("canvas", { class: "layers-maps", ...attributes });
      this.pixels = document.createElement("canvas"); // a pixel a number; the maps one below the other
    }

    // `kind` gives the hue; with `signed`, white is 0 and blue is negative. `scale` is the side of a
    // number in CSS pixels, `most` the width that there is, `only` the one map to show, or null.
    paint(values, { kind, scale, most = Infinity, signed = false, only = null }) {
      const [channels, height, width] = values.shape;
      const count = only === null ? channels : 1, isVector = height * width === 1;
      const gap = isVector ? 2 : 4, step = width * scale + gap;
      const wanted = isVector ? Math.max(10, Math.ceil(Math.sqrt(count))) : Math.ceil(Math.sqrt(count));
      const columns = Math.max(1, Math.min(wanted, count, Math.floor((most + gap - 2) / step)));
      this.layout = { values, scale, only, count, columns, gap, hue: HUES[kind], named: false };
      const size = [columns * step - gap + 2, Math.ceil(count / columns) * (height * scale + gap) - gap + 2];
      const pen = this.resize(...size);
      this.fillPixels(values, signed ? SIGNED : RAMPS[kind], signed ? signedLimits(values) : limitsOf(values, kind));
      for (let n = 0; n < count; n++) {
        const channel = only ?? n, { x, y } = this.box(channel), [wide, high] = [width * scale, height * scale];
        pen.drawImage(this.pixels, 0, channel * height, width, height, x, y, wide, high);
        frame(pen, { x, y, wide, high }, HUES[kind], isVector ? 0.5 : 1);
      }
    }

    // Ten scores or probabilities as bars, each with its digit and its number as `text` writes it.
    paintBars(values, { kind, scale, text }) {
      const { data, shape: [count] } = values, high = 4 * scale, wide = 36 * scale;
      this.layout = { values, scale, only: null, count, columns: 1, gap: 0, hue: HUES[kind], named: true, wide, high };
      const pen = this.resize(wide, count * high);
      const [low, top] = [Math.min(0, ...data), Math.max(kind === "softmax" ? 1 : 0, ...data)];
      const start = 4 * scale, room = wide - start - 12 * scale, best = data.indexOf(Math.max(...data));
      const at = (value) => start + (room * (value - low)) / (top - low || 1);
      data.forEach((value, n) => {
        const y = n * high, middle = y + high / 2 + 0.5;
        pen.font = `${n === best ? "bold " : ""}${Math.round(3 * scale)}px sans-serif`;
        pen.fillStyle = HUES[kind];
        pen.fillRect(Math.min(at(0), at(value)), y + 2, Math.abs(at(value) - at(0)), high - 4);
        pen.fillStyle = INK;
        pen.fillText(String(n), 1.2 * scale, middle);
        pen.fillText(text(value), start + room + scale, middle);
      });
      pen.fillRect(at(0), 0, 0.75, count * high);
    }

    // Frame a region in the maps that it lies in; `isPlace` is the number itself.
    mark({ channel, top, left, bottom, right }, isPlace = false) {
      const { values: { shape: [channels, height, width] }, only, scale, named } = this.layout;
      const pen = this.canvas.getContext("2d");
      const isWhole = channel === null && bottom - top === height && right - left === width;
      if (isWhole && channels > 1 && only === null) {
        const { width: wide, height: high } = this.size;
        return frame(pen, { x: 1, y: 1, wide: wide - 2, high: high - 2 }, MARK, 2);
      }
      for (let n = 0; n < channels; n++) {
        if ((channel !== null && n !== channel) || (only !== null && n !== only)) continue;
        const { x, y } = this.box(n);
        const box = { x: x + left * scale, y: y + top * scale, wide: (right - left) * scale, high: (bottom - top) * scale };
        if (named) Object.assign(box, { x: 1, y: y + 1, wide: this.layout.wide - 2, high: this.layout.high - 2 });
        if (isPlace) frame(pen, box, "white", 4);
        const isOrange = this.layout.hue === MARK;
        frame(pen, box, isPlace && isOrange ? INK : MARK, 2);
      }
    }

    // What lies under a pointer's event: {channel, row, column}, or null between the maps.
    at(event) {
      const { values: { shape: [channels, height, width] }, scale, only, named } = this.layout;
      const place = this.canvas.getBoundingClientRect();
      const across = ((event.clientX - place.left) * this.size.width) / place.width;
      const down = ((event.clientY - place.top) * this.size.height) / place.height;
      for (let channel = only ?? 0; channel < (only === null ? channels : only + 1); channel++) {
        const { x, y } = this.box(channel);
        if (named && down >= y && down < y + this.layout.high) return { channel, row: 0, column: 0 };
        const row = Math.floor((down - y) / scale), column = Math.floor((across - x) / scale);
        if (!named && row >= 0 && row < height && column >= 0 && column < width) return { channel, row, column };
      }
      return null;
    }

    // The upper left corner of a map, in CSS pixels.
    box(channel) {
      const { values: { shape: [, height, width] }, scale, only, columns, gap, named, high } = this.layout;
      if (named) return { x: 0, y: channel * high };
      const n = only === null ? channel : 0;
      return { x: 1 + (n % columns) * (width * scale + gap), y: 1 + Math.floor(n / columns) * (height * scale + gap) };
    }

    // Make the canvas this large, in CSS pixels, white, and as fine as the screen.
    resize(width, height) {
      const fine = devicePixelRatio || 1, pen = this.canvas.getContext("2d");
      if (this.size?.width !== width || this.size.height !== height || this.size.fine !== fine) {
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
        const [red, green, blue] = ramp[Math.round((value - low) * unit)];
        picture.data[4 * n] = red;
        picture.data[4 * n + 1] = green;
        picture.data[4 * n + 2] = blue;
        picture.data[4 * n + 3] = 255;
      });
      this.pixels.getContext("2d").putImageData(picture, 0, 0);
    }
  }

  function signedLimits({ data }) {
    const most = data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    return [-most, most];
  }

  function frame(pen, { x, y, wide, high }, color, width) {
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.strokeRect(x, y, wide, high);
  }

  // The colours of a kind of layer as a small bar, for a legend.
  function rampBar(kind) {
    const bar = element("canvas", { width: 64, height: 1, class: "layers-ramp", "aria-hidden": "true" });
    const pen = bar.getContext("2d");
    for (let n = 0; n < 64; n++) {
      pen.fillStyle = `rgb(${RAMPS[kind][4 * n].map(Math.round).join(",")})`;
      pen.fillRect(n, 0, 1, 1);
    }
    return bar;
  }

  Object.assign(lenet, { LayerMaps });
  Object.assign(lenet.page, { rampBar, limitsOf });
}
