"use strict";
// The decoder of an autoencoder, as tools/export_web.py writes it, and the ways between two codes.
//
// Its large layer, 784 x 400, comes as int8: whole numbers from -127 to 127, and for each pixel the
// step that they count, half the bytes of float16. `decoder.weight` is level times step.

{
  const { CourseError } = lenet;
  const SIDE = 28; // height and width of an image, in pixels

  // The name of weights that a script has registered -> {latents, facts, codes, decode}. `codes`
  // are those of test images: {digit, mean (2), deviation (2) or null}. `decode(code)`, (latents)
  // numbers, returns name -> tensor; "image" is the picture (28, 28) in [0, 1].
  function loadDecoder(name) {
    const entry = Object.hasOwn(lenet.weights, name) ? lenet.weights[name] : {};
    if (!entry.int8) throw new CourseError(`There is no decoder “${name}”.`);
    const { "decoder.weight": shape, ...small } = entry.tensors;
    const { tensors, metadata } = lenet.readWeights({ ...entry, tensors: small });
    const weight = fromInt8(entry.int8, shape, tensors["decoder.steps"]);
    const latents = tensors["expand.weight"].shape[1];
    function decode(code) {
      const latent = lenet.tensor([latents], code);
      // (2) -> (400) -> (784), the scores of the pixels
      const expand = lenet.linear(latent, tensors["expand.weight"], tensors["expand.bias"]);
      const decoder = lenet.linear(lenet.relu(expand), weight, tensors["decoder.bias"]);
      return { expand, decoder, image: lenet.tensor([SIDE, SIDE], lenet.sigmoid(decoder).data) };
    }
    return { latents, facts: metadata, codes: metadata.codes.map(codeOf), decode };
  }

  // [digit, mean 1, mean 2, deviation 1, deviation 2]; a plain autoencoder has no deviations.
  function codeOf([digit, x, y, ...deviation]) {
    return { digit, mean: [x, y], deviation: deviation.length ? deviation : null };
  }

  // Levels as base64, and the step (rows) that each row counts -> (rows, columns).
  function fromInt8(text, shape, steps) {
    const letters = atob(text), [rows, columns] = shape, out = lenet.zeros(shape);
    for (let place = 0; place < rows * columns; place++) {
      const level = (letters.charCodeAt(place) << 24) >> 24; // from 128 on a byte is negative
      out.data[place] = level * steps.data[Math.floor(place / columns)];
    }
    return out;
  }

  // The code at `share`, 0 to 1, of the straight way from one code to another.
  const straightWay = (start, end, share) =>
    start.map((value, k) => value + share * (end[k] - value));

  // The same on the round way: around the origin, the shorter way about, while the distance from
  // the origin changes evenly. In many dimensions it is called spherical interpolation.
  function roundWay(start, end, share) {
    const angle = Math.atan2(start[1], start[0]);
    const whole = Math.atan2(end[1], end[0]) - angle;
    const turn = whole - 2 * Math.PI * Math.round(whole / (2 * Math.PI));
    const [length] = straightWay([Math.hypot(...start)], [Math.hypot(...end)], share);
    return [length * Math.cos(angle + share * turn), length * Math.sin(angle + share * turn)];
  }

  // A code from N(0, I), two numbers, after Box and Muller (1958): half its squared length has an
  // exponential distribution, and every direction is as likely as any other.
  function normalCode(random = Math.random) {
    const length = Math.sqrt(-2 * Math.log(1 - random())), angle = 2 * Math.PI * random();
    return [length * Math.cos(angle), length * Math.sin(angle)];
  }

  Object.assign(lenet, { loadDecoder, straightWay, roundWay, normalCode });
}
