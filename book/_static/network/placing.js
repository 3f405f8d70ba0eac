"use strict";
// What the last two steps of to_mnist are for: the same digit with its size or its place left as
// they are on the paper. It needs to_mnist.js.

{
  const SIDE = 28; // of the field
  const longest = ({ shape }) => Math.max(...shape);

  // The steps of lenet.toMnist -> the same, with `box` and `centred` made anew. Without `scaling`
  // the digit takes as much of the field as it takes of the paper; without `centring` its centre of
  // mass stays where it is on the paper, as far as the digit fits into the field. The treatment of
  // light and ink is the same.
  function placed(steps, { scaling, centring }) {
    const box = scaling ? steps.box : asLarge(steps);
    return { ...steps, box, centred: centring ? lenet.centreByMass(box) : whereItWas(box, steps.ink) };
  }

  // The digit, (height, width), at the scale that makes the paper 28 pixels.
  function asLarge({ cutOut, ink }) {
    const side = lenet.ndimage.round((longest(cutOut) * SIDE) / longest(ink));
    return lenet.fitBox(cutOut, Math.min(SIDE, Math.max(1, side)));
  }

  // A field (28, 28) with the digit, its centre of mass where that of the ink is on the paper.
  function whereItWas(box, ink) {
    const scale = SIDE / longest(ink), wanted = centreOfMass(ink), own = centreOfMass(box);
    const [top, left] = box.shape.map((length, axis) => {
      const margin = (SIDE - ink.shape[axis] * scale) / 2; // beside a picture that is not square
      const start = Math.round(margin + wanted[axis] * scale - own[axis]);
      return Math.min(SIDE - length, Math.max(0, start));
    });
    const [height, width] = box.shape, data = new Uint8Array(SIDE ** 2);
    for (let y = 0; y < height; y++) {
      data.set(box.data.subarray(y * width, (y + 1) * width), (top + y) * SIDE + left);
    }
    return { shape: [SIDE, SIDE], data };
  }

  // [row, column], in pixels from the upper left corner of the image.
  function centreOfMass({ shape: [, width], data }) {
    let mass = 0, rows = 0, columns = 0;
    data.forEach((value, place) => {
      mass += value;
      rows += value * (Math.floor(place / width) + 0.5);
      columns += value * ((place % width) + 0.5);
    });
    return [rows / mass, columns / mass];
  }

  lenet.placed = placed;
}
