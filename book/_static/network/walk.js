"use strict";
// The page "Walk the plane": two autoencoders with two latents side by side, the codes of test
// images, paths between two of them, and random codes.

{
  const { element } = lenet.page;
  const VIEWS = {
    codes: "codes of test images",
    deviations: "codes with their noise (σ)",
    tiles: "decoded images",
  };

  // What the planes show
  function viewControls(panels) {
    const options = Object.entries(VIEWS).map(([value, words]) =>
      element("option", { value }, words));
    const field = element("select", { onchange: () => update() }, options);
    const update = () => panels.forEach((panel) => showView(panel, field.value));
    update();
    const label = element("label", {}, "The planes show ", field);
    return element("div", { class: "network-bar" }, label);
  }

  function showView({ plane, decoder }, view) {
    const { parts, tiles } = plane;
    if (view === "tiles") lenet.plane.drawTiles(plane, decoder.decode);
    tiles.hidden = view !== "tiles";
    parts.codes.style.display = view === "tiles" ? "none" : "";
    parts.deviations.style.display = view === "deviations" ? "" : "none";
  }

  // On a narrow page the planes are small, side by side: one below the other they are large.
  function sizeButton(stage) {
    const toggle = () => {
      const large = stage.classList.toggle("plane-large");
      button.setAttribute("aria-pressed", large);
    };
    const attributes = { type: "button", class: "plane-size", "aria-pressed": "false" };
    const button = element("button", { ...attributes, onclick: toggle }, "Larger planes");
    return button;
  }

  // What the colours, dots and words mean, with the reader's limit as its weights have it.
  function hint({ facts: { unsure_below: limit } }) {
    const lines = [
      `The reader refuses below a margin of ${lenet.plane.cut(limit)}. The margin is the ` +
        "probability of the likeliest digit minus that of the next. Above a small image stands " +
        "the reader's digit, or a dash where it refuses.",
      `Dots are random codes, the last ${lenet.plane.DOTS}: filled where the reader accepts the ` +
        "image, hollow where it refuses.",
      "A path leads from the code of one test image to that of another. An end need not come " +
        "back as the digit that it is: two numbers are too few to keep all digits apart.",
      "Drag a ring, or click or tap in a plane. By keyboard, with a ring in focus: arrow keys " +
        "(larger steps with Shift), Home for the origin, 0 to 9 as the buttons above.",
    ];
    return element("div", { class: "network-note", id: "plane-hint" },
      lines.map((line) => element("p", {}, line)));
  }

  function clearButton(controls) {
    const onclick = () => controls.forEach(({ clear }) => clear());
    const attributes = { type: "button", "aria-label": "Clear path and random codes", onclick };
    return element("button", attributes, "Clear");
  }

  const row = (kind, children) => element("div", { class: `plane-row ${kind}` }, children);

  // Put the page together in the element of that id.
  function walkThePlane(id) {
    return lenet.page.begin(id, () => {
      const reader = lenet.loadModel("reader");
      const taken = () => (paths.stop(), images.forget());
      const told = { taken, asked: (digit) => images.show(digit) };
      const panels = ["vae", "autoencoder"].map((name) =>
        lenet.plane.makePanel(name, reader, told));
      const stage = element("div", { class: "plane-stage" },
        row("plane-answers", panels.map(({ answer }) => answer)),
        row("plane-planes", panels.map(({ plane }) => plane.element)));
      const images = lenet.plane.testImages(panels, taken);
      const paths = lenet.plane.pathControls(panels, { taken, seen: stage });
      const drawn = lenet.plane.drawControls(panels);
      drawn.element.append(clearButton([paths, drawn]));
      const view = viewControls(panels);
      view.append(sizeButton(stage));
      const controls = [images.element, paths.element, drawn.element, view];
      return element("div", {}, element("div", { class: "plane-controls" }, controls), stage,
        row("plane-results", panels.map(({ results }) => results)), hint(reader),
        panels.map((panel) => element("p", { class: "network-note" }, lenet.plane.record(panel))));
    });
  }

  if (document.getElementById("plane")) walkThePlane("plane");
}
