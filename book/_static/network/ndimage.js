"use strict";
// Operations on one grey image, {shape: [height, width], data}, each as SciPy's of the same name
// in scipy.ndimage computes it: what lies outside the image is its reflection for the filters, and
// nothing for the masks (Uint8Array of 0 and 1).

{
  const image = (shape, data) => ({ shape, data });

  // Call change(values) with each row, then each column, of a copy of the image; it changes them.
  function alongBoth({ shape: [height, width], data }, change, kind = Float32Array) {
    const out = kind.from(data), row = new Float64Array(width), column = new Float64Array(height);
    for (let x = 0; x < width; x++) {
      for (let y = 0; y < height; y++) column[y] = out[y * width + x];
      change(column);
      for (let y = 0; y < height; y++) out[y * width + x] = column[y];
    }
    for (let y = 0; y < height; y++) {
      row.set(out.subarray(y * width, (y + 1) * width));
      change(row);
      out.set(row, y * width);
    }
    return image([height, width], out);
  }

  // The mean of the neighbourhood, weighted by a normal distribution that is cut off at 4 sigma.
  function gaussianFilter(grey, sigma) {
    const radius = Math.floor(4 * sigma + 0.5);
    const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-0.5 * ((k - radius) / sigma) ** 2));
    const sum = weights.reduce((a, b) => a + b);
    return alongBoth(grey, (line) => {
      const wide = reflected(line, radius);
      for (let place = 0; place < line.length; place++) {
        let total = 0;
        for (let k = 0; k < weights.length; k++) total += weights[k] * wide[place + k];
        line[place] = total / sum;
      }
    });
  }

  // The line with `radius` more values at both ends: d c b a | a b c d | d c b a.
  function reflected(line, radius) {
    const period = 2 * line.length;
    return Float64Array.from({ length: line.length + 2 * radius }, (_, k) => {
      const place = (((k - radius) % period) + period) % period;
      return line[Math.min(place, period - 1 - place)];
    });
  }

  // The largest value in a square of `size` pixels, an odd number, around each pixel.
  function maximumFilter(grey, size) {
    const radius = (size - 1) / 2;
    return alongBoth(grey, (line) => {
      const before = Float64Array.from(line);
      for (let place = 0; place < line.length; place++) {
        const end = Math.min(line.length, place + radius + 1);
        for (let k = Math.max(0, place - radius); k < end; k++) line[place] = Math.max(line[place], before[k]);
      }
    });
  }

  // Pixels that `iterations` steps up, down, left or right lead to from the mask.
  function binaryDilation({ shape: [height, width], data }, iterations) {
    const steps = Int32Array.from(data, (value) => (value ? 0 : height + width));
    const relax = (place, from) => (steps[place] = Math.min(steps[place], steps[from] + 1));
    for (let place = 0; place < steps.length; place++) {
      if (place % width) relax(place, place - 1);
      if (place >= width) relax(place, place - width);
    }
    for (let place = steps.length - 1; place >= 0; place--) {
      if ((place + 1) % width) relax(place, place + 1);
      if (place < steps.length - width) relax(place, place + width);
    }
    return image([height, width], Uint8Array.from(steps, (count) => count <= iterations));
  }

  // The parts of a mask, which hang together also over corners: {labels: Int32Array, 0 outside and
  // 1 to count inside, count}.
  function label({ shape: [height, width], data }) {
    const labels = new Int32Array(data.length);
    let count = 0;
    for (let first = 0; first < data.length; first++) {
      if (!data[first] || labels[first]) continue;
      labels[first] = ++count;
      for (const waiting = [first]; waiting.length; ) {
        const place = waiting.pop(), y = Math.floor(place / width), x = place % width;
        for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
          for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
            const next = row * width + column;
            if (!data[next] || labels[next]) continue;
            labels[next] = count;
            waiting.push(next);
          }
        }
      }
    }
    return { labels, count };
  }

  // The distance from each pixel to the nearest one outside the mask, in a straight line, exact
  // (distance_transform_edt); Felzenszwalb and Huttenlocher (2012): the squared distance is the
  // lowest of parabolas, one above each pixel, first along columns and then along rows.
  function distanceTransform({ shape, data }) {
    const far = 1e15;
    const start = image(shape, Float64Array.from(data, (value) => (value ? far : 0)));
    const squared = alongBoth(start, lowestParabolas, Float64Array);
    return image(shape, squared.data.map(Math.sqrt));
  }

  function lowestParabolas(line) {
    const heights = Float64Array.from(line), tips = [0], starts = [-Infinity];
    const cross = (p, q) => (heights[q] + q * q - heights[p] - p * p) / (2 * (q - p));
    for (let q = 1; q < line.length; q++) {
      let from = cross(tips.at(-1), q);
      while (from <= starts.at(-1)) {
        tips.pop();
        starts.pop();
        from = cross(tips.at(-1), q);
      }
      tips.push(q);
      starts.push(from);
    }
    for (let place = 0, k = 0; place < line.length; place++) {
      while (starts[k + 1] < place) k++;
      line[place] = (place - tips[k]) ** 2 + heights[tips[k]];
    }
  }

  // The image with `margin` zeros on all sides.
  function pad({ shape: [height, width], data }, margin) {
    const out = new data.constructor((height + 2 * margin) * (width + 2 * margin));
    for (let y = 0; y < height; y++) {
      out.set(data.subarray(y * width, (y + 1) * width), (y + margin) * (width + 2 * margin) + margin);
    }
    return image([height + 2 * margin, width + 2 * margin], out);
  }

  // The part of an image that begins at (top, left) and has the shape (rows, columns).
  function crop({ shape: [, width], data }, top, left, [rows, columns]) {
    const out = new data.constructor(rows * columns);
    for (let y = 0; y < rows; y++) {
      const start = (top + y) * width + left;
      out.set(data.subarray(start, start + columns), y * columns);
    }
    return image([rows, columns], out);
  }

  // The value in the middle, of an even number the mean of the two there.
  function median(values) {
    const sorted = Float64Array.from(values).sort(), middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

  // The standard deviation, divided by n; 0 of no values.
  function std(values) {
    const middle = mean(values);
    return values.length ? Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / values.length) : 0;
  }

  // As Python and NumPy round: a half goes to the even neighbour.
  function round(value) {
    const near = Math.round(value);
    return near - value === 0.5 && near % 2 ? near - 1 : near;
  }

  const clip = (value, low, high) => Math.min(high, Math.max(low, value));

  lenet.ndimage = {
    image, gaussianFilter, maximumFilter, binaryDilation, label, distanceTransform, pad, crop,
    median, mean, std, round, clip,
  };
}
