"use strict";
// The reader's own test set: drawings with their labels, the share that each network reads right,
// and the files that lenetcourse takes. They are put together in the page and saved by the browser.

{
  const { element, drawMap } = lenet.page;
  const { percent } = lenet.explain;
  const SIDE = 28;
  const COLUMNS = 10; // of the sheet
  const TILE = 3 * SIDE; // pixels of a digit on the sheet
  const CAPTION = 20; // pixels below it for its label
  const UNPREPARED = "Nothing can be kept while scaling or centring is left out: the files are in MNIST's form. Take the ticks away, above.";
  const NAMES = {
    images: "drawings-test-images-idx3-ubyte",
    labels: "drawings-test-labels-idx1-ubyte",
    sheet: "drawings.png",
  };

  // Bytes of an array with these dimensions, row by row, -> bytes of an IDX file: two zeros, the
  // type (8: unsigned byte), how many dimensions, each as 32 bits with the highest first, the array.
  function writeIdx(shape, data) {
    const bytes = new Uint8Array(4 + 4 * shape.length + data.length), header = new DataView(bytes.buffer);
    bytes.set([0, 0, 8, shape.length]);
    shape.forEach((length, k) => header.setUint32(4 + 4 * k, length));
    bytes.set(data, 4 + 4 * shape.length);
    return bytes;
  }

  // Drawings [{picture, label}] -> the pair of files: images (n, 28, 28) and labels (n).
  function idxPair(kept) {
    const images = new Uint8Array(kept.length * SIDE ** 2);
    kept.forEach(({ picture }, k) => images.set(picture.data, k * SIDE ** 2));
    return {
      images: writeIdx([kept.length, SIDE, SIDE], images),
      labels: writeIdx([kept.length], Uint8Array.from(kept, ({ label }) => label)),
    };
  }

  // All drawings with their labels on one canvas, ten a row.
  function sheet(kept) {
    const rows = Math.ceil(kept.length / COLUMNS);
    const canvas = element("canvas", { width: COLUMNS * TILE, height: rows * (TILE + CAPTION) });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "white";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingEnabled = false;
    pen.fillStyle = "black";
    pen.font = "14px sans-serif";
    pen.textAlign = "center";
    kept.forEach(({ picture, label }, k) => {
      const x = (k % COLUMNS) * TILE, y = Math.floor(k / COLUMNS) * (TILE + CAPTION);
      pen.drawImage(lenet.asPicture(picture), x, y, TILE, TILE);
      pen.fillText(String(label), x + TILE / 2, y + TILE + 14);
    });
    return canvas;
  }

  // Let the browser save bytes, or a Blob, as a file.
  function save(name, content) {
    const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: "application/octet-stream" }));
    const link = element("a", { href: address, download: name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60_000); // some browsers read it later
  }

  class Collection {
    // `comparison` knows the networks; `onKept()` is called when a drawing was kept, `toPaper()` by
    // a reader who goes back to the paper, which may be far above.
    constructor({ comparison, onKept, toPaper }) {
      Object.assign(this, { comparison, onKept, kept: [], picture: null, unsaved: new Set() });
      this.labels = Array.from({ length: 10 }, (_, label) =>
        element("button", { type: "button", "aria-label": `Keep as ${label}`, onclick: () => this.keep(label) }, `as ${label}`));
      this.shown = element("canvas", { width: SIDE, height: SIDE, class: "network-keep", role: "img" });
      this.note = element("p", { class: "network-note" });
      this.count = element("p", {});
      this.marks = element("p", { class: "network-note" });
      this.list = element("ul", { class: "network-kept" });
      const files = { images: "Save images (IDX)", labels: "Save labels (IDX)", sheet: "Save a sheet (PNG)" };
      this.savers = Object.entries(files).map(([kind, words]) =>
        element("button", { type: "button", onclick: () => this.save(kind) }, words));
      this.element = element("div", {},
        element("fieldset", {}, element("legend", {}, "Keep this drawing: which digit is it meant to be?"),
          element("div", { class: "network-bar" }, this.shown, this.labels), this.note,
          element("button", { type: "button", onclick: toPaper }, "To the paper")),
        this.count, this.marks, this.list, element("div", { class: "network-bar" }, this.savers));
      addEventListener("beforeunload", (event) => this.unsaved.size && event.preventDefault());
      this.show(null, true);
    }

    // What would be kept now: the picture that the networks see, or null. It is kept only where it
    // is `prepared` as MNIST's digits are, scaled and centred: that is what the files promise.
    show(picture, prepared) {
      this.picture = picture;
      drawMap(this.shown, picture ?? lenet.zeros([SIDE, SIDE]), { range: 255 });
      this.shown.setAttribute("aria-label", picture ? "The drawing that would be kept" : "No drawing yet");
      for (const button of this.labels) button.disabled = !picture || !prepared;
      this.note.textContent = prepared ? "" : UNPREPARED;
      this.recount();
    }

    keep(label) {
      const drawing = { picture: this.picture, label, answers: new Map() };
      this.kept.push(drawing);
      this.unsaved = new Set(["images", "labels"]);
      const remove = element("button", { type: "button", "aria-label": `Remove drawing ${this.kept.length}, a ${label}`,
        onclick: () => this.remove(drawing) }, "×");
      drawing.words = element("span", {});
      drawing.item = element("li", {}, lenet.asPicture(drawing.picture), drawing.words, remove);
      this.list.append(drawing.item);
      this.recount();
      lenet.page.announce(`Kept as ${label}. ${this.count.textContent}`);
      this.onKept();
    }

    remove(drawing) {
      const next = drawing.item.nextElementSibling ?? drawing.item.previousElementSibling;
      this.kept = this.kept.filter((other) => other !== drawing);
      drawing.item.remove();
      this.unsaved = new Set(this.kept.length ? ["images", "labels"] : []);
      this.recount();
      (next?.querySelector("button") ?? this.labels[0]).focus(); // or the keys would start at the top again
    }

    // What a network says of a drawing that was kept, {digit, unsure}; it is asked once.
    answer(drawing, network) {
      if (!drawing.answers.has(network)) {
        const { digit, unsure } = lenet.predict(network, drawing.picture);
        drawing.answers.set(network, { digit, unsure: Boolean(unsure) });
      }
      return drawing.answers.get(network);
    }

    recount() {
      const { kept, comparison } = this, total = kept.length;
      for (const drawing of kept) this.markOne(drawing, this.answer(drawing, comparison.network));
      const shares = comparison.entries.map(({ name, network }) => `${name}: ${this.share(network)}`);
      this.count.textContent = total ? `${shares.join("; ")}.` : "No drawing is kept yet.";
      this.marks.textContent = total ? `Each ✓ and ✗ is the answer of “${comparison.chosen.name}”, the network chosen under “Compare networks”. An unsure answer counts by its best digit.` : "";
      for (const button of this.savers) button.disabled = !total;
    }

    markOne(drawing, { digit, unsure }) {
      const isRight = digit === drawing.label, words = isRight ? "✓" : `✗ read as ${digit}`;
      drawing.words.textContent = `${drawing.label} ${words}${unsure ? ", unsure" : ""}`;
      drawing.item.classList.toggle("network-missed", !isRight);
    }

    // How many of the drawings a network reads right, in words.
    share(network) {
      const answers = this.kept.map((drawing) => ({ drawing, ...this.answer(drawing, network) }));
      const right = answers.filter(({ drawing, digit }) => digit === drawing.label).length;
      const unsure = answers.filter((one) => one.unsure).length;
      const words = `${right} of ${answers.length} right (${percent(right / answers.length)})`;
      return unsure ? `${words}, ${unsure} of all unsure` : words;
    }

    save(kind) {
      if (kind === "sheet") sheet(this.kept).toBlob((blob) => save(NAMES.sheet, blob));
      else save(NAMES[kind], idxPair(this.kept)[kind]);
      this.unsaved.delete(kind);
    }
  }

  Object.assign(lenet, { Collection, idxPair });
}
