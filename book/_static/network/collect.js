"use strict";
// The reader's own test set: drawings with their labels, the share that each network reads right,
// and the files that lenetcourse takes. They are put together in the page and saved by the browser.

{
  const { element } = lenet.page;
  const SIDE = 28;
  const COLUMNS = 10; // of the sheet
  const TILE = 3 * SIDE; // pixels of a digit on the sheet
  const CAPTION = 20; // pixels below it for its label
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
    // `comparison` knows the networks; `onKept()` is called when a drawing was kept.
    constructor({ comparison, onKept }) {
      Object.assign(this, { comparison, onKept, kept: [], picture: null, unsaved: new Set() });
      this.labels = Array.from({ length: 10 }, (_, label) =>
        element("button", { type: "button", "aria-label": `Keep as ${label}`, onclick: () => this.keep(label) }, String(label)));
      this.count = element("p", {});
      this.list = element("ul", { class: "network-kept" });
      const files = { images: "Save images (IDX)", labels: "Save labels (IDX)", sheet: "Save a sheet (PNG)" };
      this.savers = Object.entries(files).map(([kind, words]) =>
        element("button", { type: "button", onclick: () => this.save(kind) }, words));
      this.element = element("div", {},
        element("fieldset", {}, element("legend", {}, "Keep this drawing: which digit is it meant to be?"),
          element("div", { class: "network-bar" }, this.labels)),
        this.count, this.list, element("div", { class: "network-bar" }, this.savers));
      addEventListener("beforeunload", (event) => this.unsaved.size && event.preventDefault());
      this.show(null);
    }

    // What would be kept now: the picture that the networks see, or null.
    show(picture) {
      this.picture = picture;
      for (const button of this.labels) button.disabled = !picture;
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

    // What a network reads in a drawing that was kept; it is asked once.
    answer(drawing, network) {
      if (!drawing.answers.has(network)) drawing.answers.set(network, lenet.predict(network, drawing.picture).digit);
      return drawing.answers.get(network);
    }

    recount() {
      const { kept, comparison } = this, total = kept.length;
      for (const drawing of kept) {
        const digit = this.answer(drawing, comparison.network), right = digit === drawing.label;
        drawing.words.textContent = right ? `${drawing.label} ✓` : `${drawing.label} ✗ read as ${digit}`;
        drawing.item.classList.toggle("network-missed", !right);
      }
      const shares = comparison.entries.map(({ name, network }) => {
        const right = kept.filter((drawing) => this.answer(drawing, network) === drawing.label).length;
        return `${name} ${right} of ${total} right (${lenet.percent(right / total)})`;
      });
      this.count.textContent = total ? `${shares.join(", ")}.` : "No drawing is kept yet.";
      for (const button of this.savers) button.disabled = !total;
    }

    save(kind) {
      if (kind === "sheet") sheet(this.kept).toBlob((blob) => save(NAMES.sheet, blob));
      else save(NAMES[kind], idxPair(this.kept)[kind]);
      this.unsaved.delete(kind);
    }
  }

  Object.assign(lenet, { Collection, idxPair });
}
