"use strict";
// Own pictures to MNIST's form: it is lenetcourse.data.pictures, step by step.
//
// MNIST's form is the one of LeCun et al. (1998), section III.A: the digit is scaled, keeping its
// proportions, into a box of 20x20 pixels, and placed so that its centre of mass is the centre of a
// 28x28 field; background 0, ink up to 255.

{
  const {
    BICUBIC, MIN_CONTRAST, binaryDilation, clip, crop, distanceTransform, filled, gaussianFilter,
    image, label, maximumFilter, mean, median, pad, resize, round, std,
  } = lenet.ndimage;
  const SIDE = 28; // of the field
  const BOX = 20; // of the digit inside it
  const FAINT = 0.2; // of the ink's strength: fainter strokes are not seen, even beside others
  const PEN_WIDTH = 2.2; // of 20 pixels: MNIST's typical stroke; thinner ones are thickened to it

  // One digit's picture, ImageData {width, height, data: RGBA}, dark on light or light on dark,
  // anywhere, in uneven light, or drawn on nothing -> its steps, each a grey image: `grey` and
  // `evenLight` as photographed, then `ink`, `cutOut`, `box` and, last, `centred`, which is
  // MNIST's form, 28x28. Raises PictureError when it shows no ink.
  function toMnist(picture) {
    const grey = lenet.brightness(picture);
    const evenLight = withEvenLight(grey);
    const ink = inkOf(evenLight);
    const cutOut = thicken(cutOutOf(ink));
    const box = fitBox(cutOut);
    return { grey, evenLight, ink, cutOut, box, centred: centreByMass(box) };
  }

  // Scale a digit, ink bright, so that its longer side is `box` pixels.
  function fitBox(digit, box = BOX) {
    const scale = box / Math.max(...digit.shape);
    const shape = digit.shape.map((length) => Math.max(1, round(length * scale)));
    const { data } = resize(digit, shape, BICUBIC);
    return image(shape, filled(new Uint8Array(data.length), (k) => round(clip(data[k], 0, 255))));
  }

  // Place `box` in a field of `side` pixels so that its centre of mass is in the middle.
  function centreByMass(box, side = SIDE) {
    const [height, width] = box.shape;
    const mass = box.data.reduce((a, b) => a + b, 0);
    const middle = (place) => box.data.reduce((sum, value, k) => sum + value * place(k), 0) / mass;
    // Pixel k covers k to k+1, so the middle of the field lies at (side - 1) / 2 in pixel centres.
    const start = (centre, length) => clip(round((side - 1) / 2 - centre), 0, side - length);
    const top = start(middle((k) => Math.floor(k / width)), height);
    const left = start(middle((k) => k % width), width);
    const field = new Uint8Array(side * side);
    for (let y = 0; y < height; y++) {
      field.set(box.data.subarray(y * width, (y + 1) * width), (top + y) * side + left);
    }
    return image([side, side], field);
  }

  // The difference from the paper's brightness, ink positive, in grey levels. The paper is a
  // quadratic surface, fitted by least squares to the pixels that do not stand out from it: ink and
  // noise drop out round by round.
  function withEvenLight(grey) {
    // Start from the brightness that most of the edge has: the paper reaches the edge.
    const { data } = grey, edge = edgeOf(grey), usual = median(edge);
    const within = (limit, values, middle) =>
      filled(new Uint8Array(data.length), (place) => Math.abs(values[place] - middle) <= limit);
    const rest = new Float64Array(data.length);
    let paper = within(Math.max(30, 2 * std(edge)), data, usual), before = null;
    for (let turn = 0; turn < 8 && !same(paper, before); turn++) {
      const surface = paperSurface(grey, paper);
      filled(rest, (place) => data[place] - surface[place]);
      before = paper;
      paper = within(Math.max(4, 2 * std(rest.filter((_, place) => before[place]))), rest, 0);
    }
    const outside = rest.filter((_, place) => !paper[place]);
    const sign = outside.length && median(outside) < 0 ? -1 : 1;
    return image(grey.shape, filled(new Float32Array(data.length), (place) => sign * rest[place]));
  }

  const same = (mask, other) =>
    other !== null && mask.every((value, place) => value === other[place]);

  // Powers of row and column in the terms of a quadratic surface.
  const TERMS = [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]];

  // The surface through the pixels of the mask `paper`, by least squares, at all pixels. Rows and
  // columns count from -1 to 1.
  function paperSurface({ shape: [height, width], data }, paper) {
    const along = (place, length) => (length > 1 ? (2 * place) / (length - 1) - 1 : -1);
    const matrix = TERMS.map(() => new Float64Array(TERMS.length));
    const right = new Float64Array(TERMS.length);
    for (let y = 0; y < height; y++) {
      const row = along(y, height);
      const powers = new Float64Array(5); // sums of column^k
      const values = new Float64Array(3); // sums of value times column^k
      for (let x = 0; x < width; x++) {
        if (!paper[y * width + x]) continue;
        const column = along(x, width);
        for (let k = 0, power = 1; k < 5; k++, power *= column) {
          powers[k] += power;
          if (k < 3) values[k] += power * data[y * width + x];
        }
      }
      TERMS.forEach(([down, across], i) => {
        right[i] += row ** down * values[across];
        TERMS.forEach(([d, a], j) => (matrix[i][j] += row ** (down + d) * powers[across + a]));
      });
    }
    const [a, b, c, d, e, f] = solve(matrix, right);
    return filled(new Float64Array(data.length), (place) => {
      const row = along(Math.floor(place / width), height), column = along(place % width, width);
      return a + b * row + c * column + d * row ** 2 + e * row * column + f * column ** 2;
    });
  }

  // Solve the normal equations by elimination. A term that says what others say already gets 0.
  function solve(matrix, right) {
    const rows = matrix.map((row, k) => [...row, right[k]]), smallest = 1e-10 * (matrix[0][0] + 1);
    for (const [k, pivot] of rows.entries()) {
      const found = pivot[k] > smallest;
      for (const [other, row] of rows.entries()) {
        if (other === k) continue;
        const share = found ? row[k] / pivot[k] : 0;
        for (let column = k; column < row.length; column++) row[column] -= share * pivot[column];
      }
      if (!found) pivot.fill(0);
    }
    return rows.map((row, k) => (row[k] ? row.at(-1) / row[k] : 0));
  }

  // Ink as 0 to 255: below half the ink's strength is paper, specks are removed. Fainter strokes
  // count as ink, and as strong as the others, where they are part of the digit.
  function inkOf(even) {
    const { shape } = even, longest = Math.max(...shape);
    const smooth = gaussianFilter(even, longest / 200);
    const { strength, noise } = strengthOf(smooth);
    const keep = withoutSpecks(where(smooth, (value) => value > 0.5 * strength));
    const width = strokeWidth(keep);
    const least = Math.max(FAINT * strength, 10, 8 * noise);
    const faint = faintStrokes(keep, where(smooth, (value) => value > least), width);
    const all = where(keep, (value, place) => value || faint.data[place]);
    // Next to strong ink its strength counts, or its soft edges would be taken for faint strokes.
    const reach = 2 * Math.ceil(0.5 * width + longest / 100) + 1;
    const strong = image(shape, smooth.data.map((value, place) => (all.data[place] ? value : 0)));
    const most = maximumFilter(strong, reach).data;
    const local = most.map((value) => clip(value, FAINT * strength, strength));
    const near = binaryDilation(all, 2).data;
    // Soft edges: from a quarter to three quarters of the strength the ink goes from 0 to 255. Each
    // step is rounded to float32 as NumPy does: even pictures of few greys hit halves exactly.
    const share = (value, place) => Math.fround(Math.fround(value / local[place]) - 0.25) / 0.5;
    const soft = (value, place) => clip(share(value, place), 0, 1) * 255;
    return image(shape, even.data.map((value, place) => (near[place] ? soft(value, place) : 0)));
  }

  // How strong the ink is, and how strong the noise. Raises PictureError when it is no stronger.
  function strengthOf({ data }) {
    const peak = data.reduce((a, b) => Math.max(a, b), -Infinity);
    const strength = peak > 0 ? median(data.filter((value) => value > 0.5 * peak)) : 0;
    const middle = median(data);
    const noise = median(data.map((value) => Math.abs(value - middle)));
    if (strength < Math.max(MIN_CONTRAST, 5 * noise)) {
      throw noInk();
    }
    return { strength, noise };
  }

  const noInk = () =>
    new lenet.PictureError(
      "No ink found: the picture is blank or too faint; write with a thick dark pen.");

  // Keep the parts of a mask that have at least a twentieth of the largest one's area.
  function withoutSpecks(mask) {
    const { labels, count } = label(mask), areas = new Float64Array(count + 1);
    for (const part of labels) if (part) areas[part]++;
    const least = 0.05 * areas.reduce((a, b) => Math.max(a, b));
    return where(mask, (value, place) => value && areas[labels[place]] >= least);
  }

  // Those parts of `some` that go on from `strong` strokes and look like strokes. No stroke is what
  // reaches the picture's edge (a line of the paper) or is clearly wider than the strong ones are
  // (a shadow).
  function faintStrokes(strong, some, width) {
    const around = binaryDilation(strong, Math.max(1, round(width / 4))).data;
    const beside = where(some, (value, place) => value && !around[place]);
    if (!beside.data.includes(1)) return beside; // in most drawings
    const apart = where(some, (value, place) => value && !strong.data[place]);
    const inside = distanceInside(apart).data;
    const { labels, count } = label(beside), good = new Uint8Array(count + 1);
    const touching = binaryDilation(strong, Math.max(2, round(width / 2))).data;
    labels.forEach((part, place) => touching[place] && (good[part] = 1));
    labels.forEach((part, place) => inside[place] > 0.65 * width + 1 && (good[part] = 0));
    for (const part of edgeOf(image(some.shape, labels))) good[part] = 0;
    good[0] = 0;
    return where(some, (_, place) => good[labels[place]]);
  }

  // The part of the picture with ink.
  function cutOutOf(ink) {
    const [, width] = ink.shape;
    let top = Infinity, left = Infinity, bottom = -1, right = -1;
    ink.data.forEach((value, place) => {
      if (value <= 127) return;
      const y = Math.floor(place / width), x = place % width;
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      left = Math.min(left, x);
      right = Math.max(right, x);
    });
    if (bottom < 0) throw noInk();
    return crop(ink, top, left, [bottom - top + 1, right - left + 1]);
  }

  // Widen strokes that would fade when the digit is scaled down to 20 pixels.
  function thicken(digit) {
    const mask = where(digit, (value) => value > 127);
    const grow = ((PEN_WIDTH / BOX) * Math.max(...digit.shape) - strokeWidth(mask)) / 2;
    if (grow < 0.5) return digit;
    const outside = where(pad(mask, Math.ceil(grow)), (value) => !value);
    const { shape, data } = distanceTransform(outside);
    const soft = (place) => clip(grow + 0.5 - data[place], 0, 1) * 255;
    return image(shape, filled(new Float32Array(data.length), soft));
  }

  // The mean width of strokes in pixels: in one of width w the mean distance to its edge is w / 4.
  function strokeWidth(mask) {
    return 4 * mean(distanceInside(mask).data.filter((_, place) => mask.data[place]));
  }

  // The distance to the nearest pixel outside the mask; what is beyond the picture is outside.
  const distanceInside = (mask) => crop(distanceTransform(pad(mask, 1)), 1, 1, mask.shape);

  // The mask of the pixels of which the condition holds.
  const where = ({ shape, data }, condition) =>
    image(shape, filled(new Uint8Array(data.length), (place) => condition(data[place], place)));

  // The values of the first and last row and column.
  function edgeOf({ shape: [height, width], data }) {
    const column = (x) => Array.from({ length: height }, (_, y) => data[y * width + x]);
    const [first, last] = [data.subarray(0, width), data.subarray((height - 1) * width)];
    return [...first, ...last, ...column(0), ...column(width - 1)];
  }

  Object.assign(lenet, { toMnist, fitBox, centreByMass });
}
