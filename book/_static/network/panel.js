"use strict";
// A network's part of the page "Walk the plane": its plane of codes, the digit that its decoder
// makes of the point, what the reader of chapter 02 says of that, and room for what was asked.

{
  const { element, drawMap } = lenet.page;
  const TITLES = { vae: "Variational autoencoder", autoencoder: "Plain autoencoder" };

  // Two digits after the point, and no minus before 0.00.
  function number(value) {
    const digits = Math.abs(value).toFixed(2);
    return value < 0 && Number(digits) !== 0 ? `−${digits}` : digits;
  }
  const written = (code) => `(${code.map(number).join(", ")})`;
  // Margins are cut, not rounded: one below the limit must not look like the limit.
  const cut = (margin) => (Math.floor(100 * margin) / 100).toFixed(2);

  // What a network's decoder makes of a code, and what the reader says of that, as in chapter 05.
  function read({ decoder, reader }, code) {
    const { image } = decoder.decode(code);
    const picture = { data: image.data.map((ink) => Math.round(255 * ink)) };
    const { digit, order, probabilities, unsure } = lenet.predict(reader, picture);
    const margin = probabilities[order[0]] - probabilities[order[1]];
    return { code, image, digit, margin, accepted: !unsure };
  }

  const inWords = ({ digit, margin, accepted }) =>
    `${accepted ? `read as ${digit}` : `refused, most like ${digit}`}; margin ${cut(margin)}`;

  // A network's panel, in three parts that the page lays out: the image at the point with the
  // reader's answer, the plane, and what paths and random codes gave. `told`: see makePlane.
  function makePanel(name, reader, told) {
    const panel = { title: TITLES[name], decoder: lenet.loadDecoder(name), reader };
    panel.image = element("canvas", { role: "img" });
    panel.words = element("p");
    const title = element("h2", { id: `plane-${name}` }, panel.title);
    panel.answer = element("div", { class: "plane-answer" },
      panel.image, element("div", {}, title, panel.words));
    const moved = lenet.page.onceAFrame(() => show(panel));
    const label = `Point in the plane, ${panel.title.toLowerCase()}`;
    panel.plane = lenet.plane.makePlane(label, panel.decoder.codes, { moved, ...told });
    panel.path = makeResult("path");
    panel.drawn = makeResult("drawn");
    panel.results = element("section", { "aria-labelledby": title.id },
      panel.path.element, panel.drawn.element);
    panel.plane.place(panel.decoder.codes[0].mean);
    return panel;
  }

  // Room for small images with a line above and one below.
  function makeResult(kind) {
    const strip = element("ul", { class: `plane-strip plane-${kind}` });
    const above = element("p"), below = element("p");
    return { element: element("div", { hidden: true }, above, strip, below), above, strip, below };
  }

  // Show one of a panel's results, before the other, or hide it when there is nothing to say.
  function showResult(panel, kind, { above = "", tiles = [], below = "" }) {
    const result = panel[kind];
    result.above.textContent = above;
    result.strip.replaceChildren(...tiles);
    result.below.textContent = below;
    result.element.hidden = above === "";
    if (panel.results.firstChild !== result.element) panel.results.prepend(result.element);
  }

  // Draw what the decoder makes of the point.
  function show(panel) {
    const found = read(panel, panel.plane.code), words = inWords(found);
    drawMap(panel.image, found.image, { range: 1 });
    panel.image.setAttribute("aria-label", `Decoded image, ${words}`);
    const said = found.accepted ? `The reader: ${found.digit}` : "The reader refuses";
    const likest = found.accepted ? "" : `most like ${found.digit}, `;
    panel.words.replaceChildren(
      element("strong", {}, said), element("br"),
      `${likest}margin ${cut(found.margin)}`, element("br"), `code ${written(found.code)}`);
    lenet.plane.showPoint(panel.plane, `${written(found.code)}, ${words}`);
  }

  // A small image that takes the point to its code; above it the reader's digit, or a dash.
  function tile(panel, found) {
    const canvas = drawMap(element("canvas", { "aria-hidden": "true" }), found.image, { range: 1 });
    const label = `Go to ${written(found.code)}: ${inWords(found)}`;
    const go = () => panel.plane.move(found.code);
    const attributes = { type: "button", onclick: go, "aria-label": label };
    const digit = found.accepted ? found.digit : "–";
    return element("li", {}, element("button", attributes, digit, canvas));
  }

  // Where the weights come from, and what they reach, as their file says.
  function record({ title, decoder: { facts: { recipe, dataset, test } } }) {
    const images = recipe.train_images.toLocaleString("en");
    const price = test.kl
      ? `, and the price of a code, the KL divergence from N(0, I), is ${test.kl.toFixed(1)} nats`
      : "; its codes have no price, because a plain autoencoder may put them anywhere";
    return `${title}: trained on ${images} images of ${dataset.toUpperCase()}, each seen ` +
      `${recipe.epochs} times. On average over all test images, the squared error of an image ` +
      `sent through it is ${test.reconstruction.toFixed(1)}${price}.`;
  }

  Object.assign(lenet.plane, { makePanel, showResult, read, inWords, tile, record, cut, written });
}
