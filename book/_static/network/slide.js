"use strict";
// The page "Slide a kernel": an image, a kernel and the map that comes out, one window at a time.

{
  const { element, begin, announce, reducedMotion, onceAFrame } = lenet.page;
  const { PRESETS, POOLINGS, slide, windowAt, placeUnder, middleOf, resized, written } = lenet.sliding;
  const { NumberField, choice, tick, labelled } = lenet.sliding;
  // Milliseconds. A small map is filled in slowly enough to follow the sums, a large one several places
  // at a time. Where the reader wants no motion, whole rows come one after the other.
  const WHOLE = 15000, SLOWEST = 900, FASTEST = 40, ROW = 1500; // of the map, and from step to step

  class Slider {
    // `images` and `presets` as in kernels.js. `onKernel(kernel, label)` hears of every new kernel,
    // `onImage(name)` of every new image.
    constructor(images, presets, { onKernel, onImage }) {
      Object.assign(this, { images, presets, onKernel, onImage });
      this.options = { bias: 0, stride: 1, padding: 0, convolution: false, relu: false, pooling: "none" };
      this.image = "stroke";
      this.preset = "vertical";
      this.kernel = presets.vertical.kernel;
      this.mine = null; // the reader's own kernel and its bias: what "your own" brings back
      this.middle = [1, 1]; // the pixel under the window's middle: it stays where stride and padding change
      this.place = [0, 0]; // the window's, in the map
      this.complaints = {}; // what cannot be done, by the name of what cannot do it
      this.known = 1; // how much of the map is filled in, in reading order
      this.timer = null;
      this.makeViews();
      this.makeControls();
      this.redraw = onceAFrame(() => this.draw());
      this.element = this.layOut();
      this.draw();
      onKernel(this.kernel, this.kernelName);
    }

    get kernelName() {
      return this.presets[this.preset]?.label ?? "your own kernel";
    }

    makeViews() {
      this.view = new lenet.sliding.SlideView({
        onStep: (down, right) => this.step(down, right),
        onPixel: (...pixel) => this.goTo(...placeUnder(this.found, ...pixel)),
        onPlace: (...place) => this.goTo(...place),
        onSquare: (...square) => this.goTo(...square.map((place) => place * this.found.size)),
        onKernel: (kernel) => this.own(kernel),
        onWrong: (text) => this.complain("kernel", text),
      });
      this.where = element("span", { class: "slide-where" });
      this.paper = new lenet.Paper({ label: "Your own drawing", onChange: () => this.takeDrawing() });
    }

    makeControls() {
      const names = (entries) => Object.entries(entries).map(([name, { label }]) => [name, label]);
      const set = (name, read = (text) => text) => (text) => this.set(name, read(text));
      this.bias = new NumberField({ what: "bias", class: "slide-bias",
        onNumber: set("bias"), onWrong: (text) => this.complain("bias", text) });
      this.controls = {
        image: choice("Image", names(this.images), (name) => this.choose(name)),
        kernel: choice("Kernel", [...names(this.presets), ["own", "your own"]], (name) => this.take(name)),
        side: choice("Its size", [["3", "3x3"], ["5", "5x5"]], (side) => this.own(resized(this.kernel, Number(side)))),
        stride: choice("Stride", ["1", "2", "3"].map((n) => [n, n]), set("stride", Number)),
        padding: choice("Padding", ["0", "1", "2"].map((n) => [n, n]), set("padding", Number)),
        pooling: choice("Pooling", names(POOLINGS), set("pooling")),
        bias: { field: this.bias.input, element: labelled("Bias", this.bias.input) },
        relu: tick("ReLU", (on) => this.set("relu", on)),
        convolution: tick("turn the kernel by 180° (the convolution of mathematics)", (on) => this.turn(on)),
      };
      this.controls.image.field.value = this.image;
      this.play = element("button", { type: "button", onclick: () => (this.timer ? this.stop() : this.start()) }, "Play");
    }

    layOut() {
      const { image, kernel, side, stride, padding, pooling, bias, relu, convolution } = this.controls;
      const button = (text, onclick) => element("button", { type: "button", onclick }, text);
      this.drawing = element("div", { hidden: true },
        element("div", { class: "network-bar" }, this.paper.canvas,
          button("Undo", () => this.paper.undo()), button("Clear", () => this.paper.clear())),
        element("p", { class: "network-note" }, "Without a mouse: Tab to the paper; the arrow keys move the pen, ",
          "Space puts it down and lifts it."));
      return element("div", {},
        element("div", { class: "network-bar" }, image.element, kernel.element, side.element),
        element("fieldset", {}, element("legend", {}, "The layer"),
          element("div", { class: "network-bar" },
            stride.element, padding.element, bias.element, relu.element, pooling.element, convolution.element)),
        this.drawing, this.view.equation,
        element("div", { class: "network-bar" }, this.play, button("Step", () => this.oneMore()),
          button("Complete the map", () => this.completeMap()), this.where),
        this.view.sums);
    }

    // What the reader changes

    choose(name) {
      this.image = name;
      this.drawing.hidden = name !== "drawing";
      this.middle = this.images[name].image.shape.map((length) => Math.floor(length / 2));
      this.completeMap();
      this.onImage(name);
    }

    takeDrawing() {
      this.images.drawing.image = lenet.sliding.drawing(this.paper.pixels());
      this.redraw();
      this.onImage("drawing");
    }

    take(name) {
      this.preset = name;
      const { kernel, bias = 0 } = this.presets[name] ?? this.mine ?? { kernel: this.kernel, bias: this.options.bias };
      this.setKernel(kernel);
      this.options.bias = bias;
      this.redraw();
    }

    own(kernel) {
      this.preset = "own";
      this.mine = { kernel, bias: this.options.bias };
      this.setKernel(kernel);
      this.redraw();
    }

    setKernel(kernel) {
      this.kernel = kernel;
      this.complain("kernel", "");
      this.onKernel(kernel, this.kernelName);
    }

    set(name, value) {
      this.options[name] = value;
      if (name === "bias" && this.preset === "own") this.mine = { kernel: this.kernel, bias: value };
      this.redraw();
    }

    // The animation starts again each time the kernel is turned; the style sheet stops it for those
    // who want no motion.
    turn(on) {
      this.set("convolution", on);
      this.view.turn();
      announce(on ? "The kernel is turned by 180 degrees." : "The kernel is laid on as it is.");
    }

    complain(who, text) {
      this.complaints[who] = text;
      this.view.complain(Object.values(this.complaints).filter(Boolean).join(" "));
    }

    // Where the window is

    goTo(row, column) {
      const [height, width] = this.found.map.shape;
      this.moveTo([clip(row, height), clip(column, width)]);
      this.stop();
      this.redraw();
    }

    moveTo(place) {
      this.place = place;
      this.middle = middleOf(this.found, place);
    }

    step(down, right) {
      this.goTo(this.place[0] + down, this.place[1] + right);
      const { value } = windowAt(this.found, ...this.place);
      announce(`row ${this.place[0] + 1}, column ${this.place[1] + 1}: ${written(value)}`);
    }

    start() {
      const { shape: [, width], data: { length } } = this.found.map;
      if (this.known >= length) this.known = 0; // from the first place again
      const pause = reducedMotion() ? ROW : Math.min(SLOWEST, Math.max(FASTEST, WHOLE / length));
      const count = reducedMotion() ? width : Math.ceil((length * pause) / WHOLE);
      this.play.textContent = "Pause";
      this.timer = setInterval(() => this.fill(count), pause);
      this.fill(1);
    }

    stop() {
      clearInterval(this.timer);
      this.timer = null;
      this.play.textContent = "Play";
    }

    fill(count) {
      const size = this.found.map.data.length, [, width] = this.found.map.shape;
      this.known = Math.min(size, this.known + count);
      this.moveTo([Math.floor((this.known - 1) / width), (this.known - 1) % width]);
      if (this.known >= size) this.stop();
      this.redraw();
    }

    oneMore() {
      this.stop();
      if (this.known >= this.found.map.data.length) this.known = 0;
      this.fill(1);
      announce(`row ${this.place[0] + 1}, column ${this.place[1] + 1}: ${written(windowAt(this.found, ...this.place).value)}`);
    }

    completeMap() {
      this.stop();
      this.known = Infinity;
      this.draw();
    }

    // What is seen

    draw() {
      const { image, light } = this.images[this.image], { kernel } = this;
      try {
        this.found = slide(image, kernel, this.options);
        this.complain("size", "");
      } catch (error) {
        if (!(error instanceof lenet.CourseError)) throw error;
        this.complain("size", `${error.message} The map is the last that there was.`);
      }
      const { found, options } = this, [, width] = found.map.shape;
      const place = this.place = placeUnder(found, ...this.middle.map((pixel) => pixel + found.padding));
      this.known = Math.max(this.known, place[0] * width + place[1] + 1); // the map knows where the window is
      this.view.draw({ found, place, known: this.known, kernel, light });
      this.bias.show(options.bias);
      this.controls.kernel.field.value = this.preset;
      this.controls.side.field.value = String(kernel.shape[0]);
      this.where.textContent = `row ${place[0] + 1}, column ${place[1] + 1} of the map`;
    }
  }

  const clip = (place, length) => Math.min(length - 1, Math.max(0, place));

  // Put both parts of the page into their places.
  function beginSlide() {
    const network = lenet.loadModel("reader"), images = lenet.sliding.images();
    const presets = { ...PRESETS, ...lenet.sliding.learnedKernels(network) };
    const shift = new lenet.sliding.ShiftTest(images);
    const slider = new Slider(images, presets, {
      onKernel: (kernel, name) => shift.useKernel(kernel, name), onImage: (name) => shift.useImage(name),
    });
    begin("slide-kernel", () => slider.element);
    begin("shift-test", () => shift.element);
  }

  Object.assign(lenet.sliding, { Slider, beginSlide });
}
lenet.sliding.beginSlide();
