"use strict";
// The paper that pages draw on: with mouse, finger and pen, and with the keys.
//
//     const paper = new lenet.Paper({ label: "Draw a digit here", onChange: (finished) => … });
//     place.append(paper.canvas);
//
// The ink is dark on white paper also where the page is dark, as in the course's figures.

{
  const SIDE = 280; // pixels of the paper: ten for each of the network's 28
  const SEEN = 140; // of what is handed on: enough for 28, and four times less to compute with
  const STEP = SIDE / 28; // of the arrow keys: one pixel of the network
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  class Paper {
    // `onChange(finished)` is called when the drawing changed; finished is false within a stroke.
    constructor({ label, onChange = () => {} }) {
      this.onChange = onChange;
      this.penWidth = 24; // of SIDE
      this.marks = []; // strokes, pictures and "clear", in their order: what undo takes back
      this.stroke = null; // the one being drawn
      this.pointer = null; // whose it is; other fingers and the palm draw nothing meanwhile
      this.cursor = null; // where the keys have brought the pen, [x, y]
      this.canvas = lenet.page.element("canvas", {
        class: "network-paper", width: SIDE, height: SIDE, tabindex: "0", role: "application", "aria-label": label,
        onpointerdown: (event) => this.down(event),
        onpointermove: (event) => this.move(event),
        onpointerup: (event) => this.up(event),
        onpointercancel: (event) => this.up(event),
        onkeydown: (event) => this.key(event),
        onblur: () => this.leave(),
      });
      // What the network sees is kept apart from what is shown, which has the keys' cursor on top.
      this.ink = blank(SIDE);
      this.small = null; // made when first asked for
      this.redraw();
    }

    // Whether there is anything on the paper.
    get isEmpty() {
      const last = this.marks.at(-1);
      return !this.stroke && (!last || last.kind === "clear");
    }

    // ImageData of the paper, 140 x 140 unless another side is asked for.
    pixels(side = SEEN) {
      if (this.small?.canvas.width !== side) this.small = blank(side);
      this.small.drawImage(this.ink.canvas, 0, 0, side, side);
      return this.small.getImageData(0, 0, side, side);
    }

    // Take back the last stroke, picture or clearing.
    undo() {
      if (!this.marks.pop()) return;
      this.cursor = null;
      this.redraw();
      this.onChange(true);
    }

    clear() {
      if (this.isEmpty) return;
      this.add({ kind: "clear" });
    }

    // Lay a picture (anything that drawImage takes) on clean paper, whole, in its proportions. What
    // has fewer pixels than the paper keeps them visible.
    put(source) {
      this.add({ kind: "clear" }, { kind: "picture", source });
    }

    // Lay ImageData on clean paper. It is kept whole, as `opened`, for as long as nothing else is drawn.
    putPicture(picture) {
      for (const mark of this.marks) delete mark.opened; // a photograph takes 50 MB
      const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
      const [width, height] = [picture.width, picture.height].map((length) => Math.max(1, Math.round(length * scale)));
      const whole = blank(picture.width, picture.height), small = blank(width, height);
      whole.putImageData(picture, 0, 0);
      small.imageSmoothingQuality = "high";
      small.drawImage(whole.canvas, 0, 0, width, height);
      this.put(small.canvas);
      this.marks.at(-1).opened = picture;
    }

    get opened() {
      return this.stroke ? null : (this.marks.at(-1)?.opened ?? null);
    }

    add(...marks) {
      this.marks.push(marks.length === 1 ? marks[0] : { kind: "all", marks });
      this.cursor = null;
      this.redraw();
      this.onChange(true);
    }

    // Where a pointer is, in pixels of the paper, and how hard it presses: 1 is usual. Only pens
    // measure that; a mouse always says 0.5, and fingers what they like.
    pointOf(event) {
      const box = this.canvas.getBoundingClientRect();
      const border = this.canvas.clientLeft, width = this.canvas.clientWidth || box.width;
      const scale = SIDE / width;
      const presses = event.pointerType === "pen" && event.pressure > 0;
      const pressure = presses ? Math.min(1.6, Math.max(0.4, 2 * event.pressure)) : 1;
      return [(event.clientX - box.left - border) * scale, (event.clientY - box.top - border) * scale, pressure];
    }

    down(event) {
      if (this.pointer !== null || event.button !== 0) return;
      this.canvas.setPointerCapture(event.pointerId);
      this.pointer = event.pointerId;
      this.cursor = null;
      this.begin(this.pointOf(event));
    }

    move(event) {
      if (event.pointerId !== this.pointer) return;
      const events = event.getCoalescedEvents?.() ?? []; // all that came since the last frame
      for (const one of events.length ? events : [event]) this.stroke.points.push(this.pointOf(one));
      this.redraw();
      this.onChange(false);
    }

    up(event) {
      if (event.pointerId !== this.pointer) return;
      this.pointer = null;
      this.end();
    }

    begin(point) {
      this.stroke = { kind: "stroke", width: this.penWidth, points: [point] };
      this.redraw();
      this.onChange(false);
    }

    end() {
      this.marks.push(this.stroke);
      this.stroke = null;
      this.redraw();
      this.onChange(true);
    }

    // Arrow keys move the pen, Space and Enter put it down and lift it.
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || this.pointer !== null) return;
      const move = MOVES[event.key];
      if (!move && event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      this.cursor ??= [SIDE / 2, SIDE / 4];
      if (move) this.step(move);
      else if (this.stroke) this.end();
      else this.begin([...this.cursor, 1]);
      lenet.page.announce(`Pen ${this.stroke ? "down" : "up"}, column ${Math.floor(this.cursor[0] / STEP) + 1}, row ${Math.floor(this.cursor[1] / STEP) + 1} of 28`);
    }

    step(move) {
      this.cursor = this.cursor.map((place, k) => Math.min(SIDE - STEP, Math.max(STEP, place + STEP * move[k])));
      if (this.stroke) this.stroke.points.push([...this.cursor, 1]);
      this.redraw();
      if (this.stroke) this.onChange(false);
    }

    // The pen of the keys does not stay down when they go elsewhere.
    leave() {
      if (this.stroke && this.pointer === null) this.end();
      if (!this.cursor) return;
      this.cursor = null;
      this.redraw();
    }

    redraw() {
      cleanPaper(this.ink);
      for (const mark of this.stroke ? [...this.marks, this.stroke] : this.marks) drawMark(this.ink, mark);
      const shown = this.canvas.getContext("2d");
      shown.drawImage(this.ink.canvas, 0, 0);
      if (this.cursor) drawCursor(shown, this.cursor, Boolean(this.stroke));
    }
  }

  const blank = (width, height = width) =>
    lenet.page.element("canvas", { width, height }).getContext("2d", { willReadFrequently: true });

  function cleanPaper(pen) {
    pen.fillStyle = "white";
    pen.fillRect(0, 0, SIDE, SIDE);
  }

  function drawMark(pen, mark) {
    if (mark.kind === "all") for (const one of mark.marks) drawMark(pen, one);
    if (mark.kind === "clear") cleanPaper(pen);
    if (mark.kind === "picture") drawPicture(pen, mark.source);
    if (mark.kind === "stroke") drawStroke(pen, mark);
  }

  function drawPicture(pen, source) {
    const scale = SIDE / Math.max(source.width, source.height);
    const width = source.width * scale, height = source.height * scale;
    pen.imageSmoothingEnabled = scale < 1;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(source, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
  }

  // A smooth curve: its pieces go from the middle between two points to the next such middle, bent
  // towards the point between them, so they meet without a corner.
  function drawStroke(pen, { points, width }) {
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = "black";
    const middle = ([x, y], [x2, y2]) => [(x + x2) / 2, (y + y2) / 2];
    let [from] = points;
    points.forEach((point, k) => {
      const to = k + 1 < points.length ? middle(point, points[k + 1]) : point;
      pen.lineWidth = width * point[2];
      pen.beginPath();
      pen.moveTo(from[0], from[1]);
      pen.quadraticCurveTo(point[0], point[1], to[0], to[1]); // one point alone makes a dot
      pen.stroke();
      from = to;
    });
  }

  // A ring while the pen is up, a disc while it is down: not by colour alone.
  function drawCursor(pen, [x, y], down) {
    pen.lineWidth = 3;
    pen.strokeStyle = pen.fillStyle = "#D55E00";
    pen.beginPath();
    pen.arc(x, y, 7, 0, 2 * Math.PI);
    if (down) pen.fill();
    pen.stroke();
  }

  // A digit in MNIST's form, {shape: [28, 28], data}, ink bright -> a canvas with dark ink, to `put`.
  const asPicture = (digit) => lenet.page.drawMap(lenet.page.element("canvas"), digit, { range: 255 });

  Object.assign(lenet, { Paper, asPicture });
}
