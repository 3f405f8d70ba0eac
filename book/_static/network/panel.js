"use strict";
// A network's part of the page "Walk the plane": its plane of codes, the digit that its decoder
// makes of the point, and what the reader of chapter 02 says of that.

{
  const { element, drawMap } = lenet.page;
  const TITLES = { vae: "Variational autoencoder", autoencoder: "Plain autoencoder" };

  const number = (value) => (value < 0 ? "−" : "") + Math.abs(value).toFixed(2);
  const written = (code) => `(${code.map(number).join(", ")})`;

  // What a network's decoder makes of a code, and what the reader says of that, as in chapter 05.
  function read({ decoder, reader }, code) {
    const { image } = decoder.decode(code);
    const picture = { data: image.data.map((ink) => Math.round(255 * ink)) };
    const { digit, order, probabilities, unsure } = lenet.predict(reader, picture);
    const margin = probabilities[order[0]] - probabilities[order[1]];
    return { code, image, digit, margin, accepted: !unsure };
  }

  const inWords = ({ digit, margin, accepted }) =>
    `${accepted ? `read as ${digit}` : `refused, most like ${digit}`}; margin ${number(margin)}`;

  // A network's panel: its plane, the digit at the point, and room for what is asked of it.
  function makePanel(name, reader) {
    const panel = { title: TITLES[name], decoder: lenet.loadDecoder(name), reader };
    panel.image = element("canvas", { role: "img" });
    panel.answer = element("p");
    for (const strip of ["path", "drawn"]) {
      panel[strip] = element("ul", { class: `plane-strip plane-${strip}` });
    }
    panel.count = element("p");
    const redraw = lenet.page.onceAFrame(() => show(panel));
    const label = `Point in the plane, ${panel.title.toLowerCase()}`;
    panel.plane = lenet.plane.makePlane(label, panel.decoder.codes, redraw);
    // The image above its plane, where no hand covers it.
    const title = element("h2", { id: `plane-${name}` }, panel.title);
    panel.element = element("section", { class: "plane-panel", "aria-labelledby": title.id },
      element("div", { class: "plane-answer" },
        panel.image, element("div", {}, title, panel.answer)),
      panel.plane.element, panel.path, panel.count, panel.drawn,
      element("p", { class: "network-note" }, record(panel.decoder)));
    panel.plane.move(panel.decoder.codes[0].mean);
    return panel;
  }

  // Where the weights come from, as their file says.
  function record({ facts: { recipe, dataset, test } }) {
    const images = recipe.train_images.toLocaleString("en");
    const price = test.kl ? `, price ${test.kl.toFixed(1)} nats` : "";
    return `Trained on ${images} images of ${dataset.toUpperCase()}, ${recipe.epochs} epochs, ` +
      `seed ${recipe.seed}. A test image: squared error ${test.reconstruction.toFixed(1)}${price}.`;
  }

  const ofDigit = ({ decoder }, digit) =>
    decoder.codes.filter((code) => code.digit === digit).map(({ mean }) => mean);

  // Draw what the decoder makes of the point.
  function show(panel) {
    const found = read(panel, panel.plane.code), words = inWords(found);
    drawMap(panel.image, found.image, { range: 1 });
    panel.image.setAttribute("aria-label", `Decoded image, ${words}`);
    const said = found.accepted ? `The reader: ${found.digit}` : "The reader refuses";
    const likest = found.accepted ? "" : `most like ${found.digit}, `;
    panel.answer.replaceChildren(
      element("strong", {}, said), element("br"),
      `${likest}margin ${number(found.margin)}`, element("br"), `code ${written(found.code)}`);
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

  Object.assign(lenet.plane, { makePanel, read, inWords, ofDigit, tile });
}
