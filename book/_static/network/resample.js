"use strict";
// Pictures made smaller or larger, as Pillow does it (Reduce.c, Resample.c).

{
  const { image } = lenet.ndimage;

  // What a new pixel takes of the old ones around its centre: up to `support` away, in new pixels.
  const BOX = { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) };
  const BICUBIC = {
    support: 2,
    weight(x) {
      const t = Math.abs(x), a = -0.5;
      if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
      return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
    },
  };

  // Grey image -> grey image of the shape (rows, columns), first across and then down.
  function resize(grey, [rows, columns], filter) {
    return transposed(resizeRows(transposed(resizeRows(grey, columns, filter)), rows, filter));
  }

  function resizeRows({ shape: [height, width], data }, columns, filter) {
    if (columns === width) return image([height, width], data);
    const out = new Float32Array(height * columns);
    for (let column = 0; column < columns; column++) {
      const { start, weights } = windowOf(column, width, columns, filter);
      for (let y = 0; y < height; y++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * data[y * width + start + k];
        out[y * columns + column] = sum;
      }
    }
    return image([height, columns], out);
  }

  // Which old pixels make a new one, and with what weights; these sum to 1.
  function windowOf(place, oldLength, newLength, { support, weight }) {
    const scale = oldLength / newLength, stretch = Math.max(scale, 1);
    const centre = (place + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support * stretch + 0.5));
    const end = Math.min(oldLength, Math.trunc(centre + support * stretch + 0.5));
    const weights = Array.from(
      { length: end - start }, (_, k) => weight((start + k - centre + 0.5) / stretch));
    const sum = weights.reduce((a, b) => a + b, 0);
    return { start, weights: weights.map((one) => one / sum) };
  }

  function transposed({ shape: [height, width], data }) {
    const out = new Float32Array(data.length);
    for (let place = 0; place < out.length; place++) {
      out[place] = data[(place % height) * width + Math.floor(place / height)];
    }
    return image([width, height], out);
  }

  // RGBA picture {width, height, data} -> one in which factor x factor pixels have become their
  // mean. What is less transparent counts more; at the right and lower edge fewer may be left.
  function reduce({ width, height, data }, factor) {
    const out = { width: Math.ceil(width / factor), height: Math.ceil(height / factor) };
    out.data = new Uint8ClampedArray(out.width * out.height * 4);
    for (let place = 0; place < out.width * out.height; place++) {
      const left = (place % out.width) * factor, top = Math.floor(place / out.width) * factor;
      const right = Math.min(width, left + factor), bottom = Math.min(height, top + factor);
      const count = (right - left) * (bottom - top), share = Math.floor(2 ** 24 / count);
      const sums = [0, 0, 0, 0].fill(Math.floor(count / 2)); // so that the division below rounds
      for (let y = top; y < bottom; y++) {
        for (let at = (y * width + left) * 4; at < (y * width + right) * 4; at += 4) {
          const alpha = data[at + 3];
          for (let k = 0; k < 3; k++) sums[k] += over255(data[at + k] * alpha);
          sums[3] += alpha;
        }
      }
      const [red, green, blue, alpha] = sums.map((sum) => Math.floor((sum * share) / 2 ** 24));
      const full = (value) => (alpha ? Math.min(255, Math.floor((255 * value) / alpha)) : value);
      out.data.set([full(red), full(green), full(blue), alpha], place * 4);
    }
    return out;
  }

  // Division by 255 to the nearest, in whole numbers.
  const over255 = (value) => (((value + 128) >> 8) + value + 128) >> 8;

  Object.assign(lenet.ndimage, { BOX, BICUBIC, resize, reduce });
}
