"use strict";
// Operations on one grey image, {shape: [height, width], data}, each as SciPy's of the same name
// in scipy.ndimage computes it: what lies outside the image is its reflection for the filters, and
// nothing for the masks (Uint8Array of 0 and 1).

{
  const image = (shape, data) => ({ shape, data });

  // `out`, an array of numbers, filled with what `value` says of each place. Array.from would take
  // ten times as long.
  function filled(out, value) {
    for (let place = 0; place < out.length; place++) out[place] = value(place);
    return out;
  }

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
    const normal = (k) => Math.exp(-0.5 * ((k - radius) / sigma) ** 2);
    const weights = filled(new Float64Array(2 * radius + 1), normal);
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
    return filled(new Float64Array(line.length + 2 * radius), (k) => {
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
        let largest = before[place];
        for (let k = Math.max(0, place - radius); k < end; k++) {
          if (before[k] > largest) largest = before[k];
        }
        line[place] = largest;
      }
    });
  }

  // Pixels that `iterations` steps up, down, left or right lead to from the mask. How many steps
  // it takes is counted in two sweeps, one from each end.
  function binaryDilation({ shape: [height, width], data }, iterations) {
    const steps = filled(new Int32Array(data.length), (k) => (data[k] ? 0 : height + width));
    for (let y = 0, place = 0; y < height; y++) {
      for (let x = 0; x < width; x++, place++) {
        if (x > 0 && steps[place - 1] < steps[place]) steps[place] = steps[place - 1] + 1;
        if (y > 0 && steps[place - width] < steps[place]) steps[place] = steps[place - width] + 1;
      }
    }
    for (let y = height - 1, place = data.length - 1; y >= 0; y--) {
      for (let x = width - 1; x >= 0; x--, place--) {
        if (x < width - 1 && steps[place + 1] < steps[place]) steps[place] = steps[place + 1] + 1;
        if (y < height - 1 && steps[place + width] < steps[place]) {
          steps[place] = steps[place + width] + 1;
        }
      }
    }
    const near = (place) => steps[place] <= iterations;
    return image([height, width], filled(new Uint8Array(data.length), near));
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
    const start = filled(new Float64Array(data.length), (place) => (data[place] ? far : 0));
    const squared = alongBoth(image(shape, start), lowestParabolas, Float64Array);
    return image(shape, squared.data.map(Math.sqrt));
  }

  function lowestParabolas(line) {
    const heights = Float64Array.from(line), tips = new Int32Array(line.length);
    const starts = new Float64Array(line.length + 1).fill(Infinity); // of where each is lowest
    starts[0] = -Infinity;
    let last = 0;
    for (let q = 1; q < line.length; q++) {
      let from = -Infinity;
      for (; ; last--) {
        const p = tips[last];
        from = (heights[q] + q * q - heights[p] - p * p) / (2 * (q - p));
        if (from > starts[last]) break;
      }
      tips[++last] = q;
      starts[last] = from;
    }
    starts[last + 1] = Infinity;
    for (let place = 0, k = 0; place < line.length; place++) {
      while (starts[k + 1] < place) k++;
      line[place] = (place - tips[k]) ** 2 + heights[tips[k]];
    }
  }

  // The image with `margin` zeros on all sides.
  function pad({ shape: [height, width], data }, margin) {
    const out = new data.constructor((height + 2 * margin) * (width + 2 * margin));
    for (let y = 0; y < height; y++) {
      const start = (y + margin) * (width + 2 * margin) + margin;
      out.set(data.subarray(y * width, (y + 1) * width), start);
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
    const copy = Float64Array.from(values), middle = values.length >> 1;
    const upper = nth(copy, middle);
    if (values.length % 2) return upper;
    return (upper + copy.subarray(0, middle).reduce((a, b) => Math.max(a, b), -Infinity)) / 2;
  }

  // The value that would be at `place` if the values were sorted; smaller ones come to lie before
  // it. Hoare's quickselect: sorting all of them takes several times as long.
  function nth(values, place) {
    for (let low = 0, high = values.length - 1; low < high; ) {
      const pivot = values[(low + high) >> 1];
      let left = low, right = high;
      while (left <= right) {
        while (values[left] < pivot) left++;
        while (values[right] > pivot) right--;
        if (left > right) break;
        [values[left], values[right]] = [values[right], values[left]];
        left++;
        right--;
      }
      if (place <= right) high = right;
      else if (place >= left) low = left;
      else break;
    }
    return values[place];
  }

  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

  // The standard deviation, divided by n; 0 of no values.
  function std(values) {
    if (!values.length) return 0;
    const middle = mean(values);
    const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
    return Math.sqrt(squares / values.length);
  }

  // As Python and NumPy round: a half goes to the even neighbour.
  function round(value) {
    const near = Math.round(value);
    return near - value === 0.5 && near % 2 ? near - 1 : near;
  }

  const clip = (value, low, high) => Math.min(high, Math.max(low, value));

  lenet.ndimage = {
    image, filled, gaussianFilter, maximumFilter, binaryDilation, label, distanceTransform, pad,
    crop, median, mean, std, round, clip,
  };
}
