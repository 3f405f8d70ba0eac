"use strict";
// One number written out: the table of its products, their sum, the bias, ReLU; the four values of
// a pooling; the terms of a dense layer that count most; softmax. It needs explain.js and page.js.

{
  const { element, colours } = lenet.page;
  const { explain, strongestWindow, placeName, number, percent, afterRelu } = lenet.explain;
  const MOST_TERMS = 8; // of a dense layer; the others are summed

  // An element that shows what a place's number is made of. `window` is the map before whose
  // products are shown, or null for the one that counts most. A reader who chooses another one
  // calls `chooseWindow(channel)`; one who goes back to a number that went in, `go(place)`.
  function writeNumber(stages, place, { window = null, chooseWindow, go }) {
    const found = explain(stages, place), stage = stages[place.stage];
    const write = {
      input: ofDigit, conv2d: ofConvolution, maxPool2d: ofPooling, linear: ofDense,
      softmax: ofSoftmax,
    }[found.kind];
    const parts = write({ stages, place, stage, found, window, chooseWindow, go });
    return element("div", { class: "layers-number" }, parts);
  }

  const ofDigit = ({ found: { value } }) => [
    element("p", {}, `This pixel of the digit is ${number(value)}: 0 is paper and 1 is ink. `,
      "Nothing comes before it."),
  ];

  function ofConvolution(all) {
    const { found, stage, window } = all, { windows, bias } = found;
    const chosen = windows[window] ?? strongestWindow(found);
    const isDigit = all.stages[all.place.stage - 1].kind === "input";
    const from = isDigit ? "the digit, times the kernel"
      : `map ${chosen.channel + 1}, times its part of the kernel`;
    const parts = windows.map(({ sum }, n) => [sum, isDigit ? "products" : `map ${n + 1}`]);
    return [
      isDigit ? null : windowButtons(all, chosen),
      productTable(chosen, `The window of ${from}: value × weight = product`),
      sumLine([...parts, [bias, "bias"]], found, stage),
    ];
  }

  // A button for each map before, to see its products.
  function windowButtons({ stages, place, found: { windows }, chooseWindow }, chosen) {
    const button = (one) => element("button", {
      type: "button", "aria-pressed": String(one === chosen), "data-key": `window ${one.channel}`,
      onclick: () => chooseWindow(one.channel),
    }, `map ${one.channel + 1}: ${number(one.sum)}`);
    const title = stages[place.stage - 1].title.toLowerCase();
    return element("div", {},
      element("p", {}, `The kernel spans all ${windows.length} maps of ${title}. `,
        "Choose one to see its products:"),
      element("div", { class: "network-bar" }, windows.map(button)));
  }

  // Each cell: value, times weight, equals product, on the colour of the product.
  function productTable({ cells }, caption) {
    const most = cells.flat().reduce((a, { product }) => Math.max(a, Math.abs(product)), 0) || 1;
    const cell = ({ value, weight, product }) =>
      element("td", { style: groundOf(product / most) },
        element("span", {}, number(value)), element("span", {}, `× ${number(weight)}`),
        element("strong", {}, `= ${number(product)}`));
    const rows = cells.map((row) => element("tr", {}, row.map(cell)));
    return element("table", { class: "layers-products" },
      element("caption", {}, caption), element("tbody", {}, rows));
  }

  function ofPooling({ found: { windows: [{ cells }], winner, value }, place }) {
    const cell = (one) => element("td", { class: one === winner ? "layers-winner" : null },
      element("span", {}, number(one.value)),
      one === winner ? element("strong", {}, "largest") : null);
    const isEqual = cells.flat().every((one) => one.value === value);
    const words = isEqual ? `All are ${number(value)}: so is the result.`
      : `The largest wins: ${number(value)}. `
        + "The others are forgotten, and so is where in the window it was.";
    const count = cells.flat().length;
    const caption = `The ${count} values of map ${place.channel + 1} under the window`;
    return [
      element("table", { class: "layers-products" }, element("caption", {}, caption),
        element("tbody", {}, cells.map((row) => element("tr", {}, row.map(cell))))),
      element("p", { class: "layers-sum" }, words),
    ];
  }

  function ofDense({ stages, stage, found, go }) {
    const shown = found.terms.slice(0, MOST_TERMS), rest = found.terms.slice(MOST_TERMS);
    const total = (terms) => terms.reduce((sum, { product }) => sum + product, 0);
    const most = Math.abs(shown[0].product) || 1;
    const row = ({ value, weight, product, place }) => element("tr", {},
      element("th", { scope: "row" },
        element("button", { type: "button", onclick: () => go(place) }, placeName(stages, place))),
      element("td", {}, number(value)), element("td", {}, number(weight)),
      element("td", { style: groundOf(product / most) }, number(product)));
    const parts = [[total(shown), `these ${shown.length}`]];
    if (rest.length) parts.push([total(rest), `the other ${rest.length}`]);
    return [
      termTable(`The ${shown.length} of ${found.terms.length} products that count most`,
        ["comes from", "value", "weight", "product"], shown.map(row)),
      sumLine([...parts, [found.bias, "bias"]], found, stage),
    ];
  }

  function ofSoftmax({ found: { terms, largest, sum }, place }) {
    const row = ({ score, power, share }, digit) =>
      element("tr", { "aria-current": digit === place.channel ? "true" : null },
        element("th", { scope: "row" }, `digit ${digit}`), element("td", {}, number(score)),
        element("td", {}, number(power, 4)), element("td", {}, percent(share)));
    const powers = ["e", element("sup", {}, "score − largest")];
    const { power, share } = terms[place.channel];
    return [
      termTable("Softmax makes shares of scores: each power, divided by the sum of all",
        ["class", "score", powers, "share"], terms.map(row)),
      element("p", { class: "layers-sum" },
        `${number(power, 4)} / ${number(sum, 4)}: ${percent(share)}. The largest score, `,
        `${number(largest)}, is taken off first, so that no power grows too large.`),
    ];
  }

  function termTable(caption, heads, rows) {
    const head = heads.map((name) => element("th", { scope: "col" }, name));
    return element("table", { class: "layers-terms" }, element("caption", {}, caption),
      element("thead", {}, element("tr", {}, head)), element("tbody", {}, rows));
  }

  // 0.41 (map 1) − 0.11 (map 2) + 0.05 (bias) = 0.35; ReLU keeps it. [[value, name], …].
  function sumLine(parts, { sum }, stage) {
    const signed = (value, n) =>
      n === 0 ? number(value) : `${value < 0 ? "−" : "+"} ${number(Math.abs(value))}`;
    const part = ([value, name], n) =>
      [element("span", { class: "layers-part" }, `${signed(value, n)} `,
        element("small", {}, name)), " "];
    const after = stage.sums ? element("strong", {}, `; ${afterRelu(sum)}`) : null;
    return element("div", {},
      element("p", { class: "layers-sum" }, parts.flatMap(part),
        element("strong", {}, `= ${number(sum)}`), after, "."),
      element("p", { class: "network-note" }, "Rounded as written here, computed with all decimals."));
  }

  // A light ground in the colour of a share from −1 to 1: dark words stay readable on it.
  const groundOf = (share) => `background: rgb(${colours.signed(0.45 * share).join(",")})`;

  lenet.writeNumber = writeNumber;
}
