"use strict";
// The test images whose codes lie in the planes: their pictures, and ten buttons that take both
// points to the codes of one of them.

{
  const { element, announce } = lenet.page;
  const COLUMNS = 25, ROWS = 10; // of weights/test_images.png, 28 x 28 pixels each

  const article = (digit) => (digit === 8 ? "an 8" : `a ${digit}`);

  // A picture of a test image, counted from 0. The sheet is the style's background.
  function picture(image, digit) {
    const column = image % COLUMNS, row = Math.floor(image / COLUMNS);
    const place = `${(100 * column) / (COLUMNS - 1)}% ${(100 * row) / (ROWS - 1)}%`;
    const label = `Test image ${image + 1}, ${article(digit)}`;
    const style = `background-position: ${place}`;
    return element("span", { class: "plane-image", role: "img", "aria-label": label, style });
  }

  // The next test image of a digit after that one; after the last comes the first.
  function nextImage(codes, digit, after = -1) {
    const those = codes.map((_, image) => image).filter((image) => codes[image].digit === digit);
    return those.find((image) => image > after) ?? those[0];
  }

  // Ten buttons, for the keys 0 to 9. `show(digit)` takes the points to the next test image of that
  // digit, and shows it; `forget()` empties its place, when the points are elsewhere.
  function testImages(panels, taken) {
    const { codes } = panels[0].decoder, latest = Array(10).fill(-1);
    const shown = element("span", { class: "plane-shown" });
    function show(digit) {
      taken();
      const image = (latest[digit] = nextImage(codes, digit, latest[digit]));
      for (const { decoder, plane } of panels) plane.place(decoder.codes[image].mean);
      const words = `Test image ${image + 1}, ${article(digit)}`;
      shown.replaceChildren(picture(image, digit), words);
      announce(`${words}. ${panels.map((panel) => inWords(panel, image)).join(" ")}`);
    }
    const buttons = Array.from({ length: 10 }, (_, digit) =>
      element("button", { type: "button", onclick: () => show(digit), class: "plane-digit",
        "aria-label": `${digit}: go to the next test image of that digit` }, digit));
    const label = "Test images";
    const bar = element("div", { class: "network-bar", role: "group", "aria-label": label },
      "Next test image of a", element("span", { class: "plane-digits" }, buttons), shown);
    return { element: bar, show, forget: () => shown.replaceChildren("") };
  }

  function inWords(panel, image) {
    const found = lenet.plane.read(panel, panel.decoder.codes[image].mean);
    return `${panel.title}: ${lenet.plane.inWords(found)}.`;
  }

  Object.assign(lenet.plane, { picture, nextImage, testImages });
}
