"use strict";
// One number written out: the table of its products, their sum, the bias, ReLU; the four values of
// a pooling; the terms of a dense layer that count most; softmax. It needs explain.js and page.js.

{
  const { element, colours } = lenet.page;
  const { explain, placeName, number, percent, afterRelu } = lenet.explain;
  const MOST_TERMS = 8; // of a dense layer; the others are summed

  // An element that shows what a place's number is made of. `window` is the map before whose
  // products are shown, or null for the one that counts most. Readers who choose another one call
  // `chooseWindow(channel)`; those who go back to a number that went in, `go(place)`.
  function writeNumber(stages, place, { window = null, chooseWindow, go }) {
    const found = explain(stages, place), stage = stages[place.stage];
    const parts = { input: ofDigit, conv2d: ofConvolution, maxPool2d: ofPooling, linear: ofDense, softmax: ofSoftmax };
    const part = parts[found.kind]({ stages, place, stage, found, window, chooseWindow, go });
    return element("div", { class: "layers-number" }, part);
  }

  const ofDigit = ({ found }) => [
    element("p", {}, `This pixel of the digit is ${number(found.value)}: 0 is paper and 1 is ink. Nothing comes before it.`),
  ];

  function ofConvolution({ stages, place, stage, found, window, chooseWindow }) {
    const { windows, bias } = found;
    const strongest = windows.reduce((best, one) => (Math.abs(one.sum) > Math.abs(best.sum) ? one : best));
    const chosen = windows[window] ?? strongest;
    const button = (one) => element("button", {
      type: "button", "aria-pressed": String(one === chosen), onclick: () => chooseWindow(one.channel), "data-key": `window ${one.channel}`,
    }, `map ${one.channel + 1}: ${number(one.sum)}`);
    const from = stages[place.stage - 1];
    const isDigit = from.kind === "input";
    const caption = isDigit ? "The window of the digit, times the kernel" : `The window of map ${chosen.channel + 1}, times its part of the kernel`;
    return [
      isDigit ? null : element("p", {}, `The kernel spans all ${windows.length} maps of ${lower(from.title)}. Choose one to see its products:`),
      isDigit ? null : element("div", { class: "network-bar" }, windows.map(button)),
      productTable(chosen, caption),
      sumLine([...windows.map((one, n) => [one.sum, isDigit ? "products" : `map ${n + 1}`]), [bias, "bias"]], found, stage),
    ];
  }

  // Each cell: value, times weight, equals product, on the colour of the product.
  function productTable({ cells }, caption) {
    const most = cells.flat().reduce((a, { product }) => Math.max(a, Math.abs(product)), 0) || 1;
    const cell = ({ value, weight, product }) =>
      element("td", { style: groundOf(product / most) },
        element("span", {}, number(value)), element("span", {}, `× ${number(weight)}`),
        element("strong", {}, `= ${number(product)}`));
    return element("table", { class: "layers-products" },
      element("caption", {}, `${caption}: value × weight = product`),
      element("tbody", {}, cells.map((row) => element("tr", {}, row.map(cell)))));
  }

  function ofPooling({ found, place }) {
    const cells = found.windows[0].cells, count = cells.flat().length;
    const cell = (one) => element("td", { class: one === found.winner ? "layers-winner" : null },
      element("span", {}, number(one.value)), one === found.winner ? element("strong", {}, "largest") : null);
    const equal = cells.flat().every((one) => one.value === found.value);
    return [
      element("table", { class: "layers-products" },
        element("caption", {}, `The ${count} values of map ${place.channel + 1} under the window`),
        element("tbody", {}, cells.map((row) => element("tr", {}, row.map(cell))))),
      element("p", { class: "layers-sum" }, equal
        ? `All are ${number(found.value)}: so is the result.`
        : `The largest wins: ${number(found.value)}. The others are forgotten, and so is where in the window it was.`),
    ];
  }

  function ofDense({ stages, stage, found, go }) {
    const shown = found.terms.slice(0, MOST_TERMS), rest = found.terms.slice(MOST_TERMS);
    const sums = (terms) => terms.reduce((sum, { product }) => sum + product, 0);
    const most = Math.abs(shown[0].product) || 1;
    const row = ({ value, weight, product, place }) => element("tr", {},
      element("th", { scope: "row" }, element("button", { type: "button", onclick: () => go(place) }, placeName(stages, place))),
      element("td", {}, number(value)), element("td", {}, number(weight)),
      element("td", { style: groundOf(product / most) }, number(product)));
    const heads = ["comes from", "value", "weight", "product"].map((name) => element("th", { scope: "col" }, name));
    return [
      element("table", { class: "layers-terms" },
        element("caption", {}, `The ${shown.length} of ${found.terms.length} products that count most`),
        element("thead", {}, element("tr", {}, heads)), element("tbody", {}, shown.map(row))),
      sumLine([[sums(shown), `these ${shown.length}`], [sums(rest), `the other ${rest.length}`], [found.bias, "bias"]], found, stage),
    ];
  }

  function ofSoftmax({ found, place }) {
    const row = ({ score, power, share }, digit) => element("tr", { "aria-current": digit === place.channel ? "true" : null },
      element("th", { scope: "row" }, `digit ${digit}`), element("td", {}, number(score)),
      element("td", {}, number(power, 4)), element("td", {}, percent(share)));
    const power = ["e", element("sup", {}, "score − largest")];
    const heads = ["class", "score", power, "share"].map((name) => element("th", { scope: "col" }, name));
    const own = found.terms[place.channel];
    return [
      element("table", { class: "layers-terms" },
        element("caption", {}, "Softmax makes shares of scores: each power, divided by the sum of all"),
        element("thead", {}, element("tr", {}, heads)), element("tbody", {}, found.terms.map(row))),
      element("p", { class: "layers-sum" }, `${number(own.power, 4)} / ${number(found.sum, 4)} = ${percent(own.share)}. The largest score, ${number(found.largest)}, is taken off first, so that no power grows too large.`),
    ];
  }

  // 0.41 (map 1) − 0.11 (map 2) + 0.05 (bias) = 0.35; ReLU keeps 0.35. [[value, name], …].
  function sumLine(parts, { sum, value }, stage) {
    const part = ([one, name], n) => element("span", { class: "layers-part" },
      `${n === 0 ? number(one) : `${one < 0 ? "−" : "+"} ${number(Math.abs(one))}`} `, element("small", {}, name), " ");
    return element("div", {},
      element("p", { class: "layers-sum" }, parts.map(part), element("strong", {}, `= ${number(sum)}`),
        stage.sums ? element("strong", {}, `; ${afterRelu(sum, value)}`) : null, "."),
      element("p", { class: "network-note" }, "Written with two decimals, computed with all."));
  }

  // A light ground in the colour of a share from −1 to 1: dark words stay readable on it.
  function groundOf(share) {
    return `background: rgb(${colours.signed(0.45 * share).join(",")})`;
  }

  const lower = (title) => title[0].toLowerCase() + title.slice(1);

  lenet.writeNumber = writeNumber;
}
