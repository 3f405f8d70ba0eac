"use strict";
// What networks say of a picture: ten bars, the answer in words, and several networks side by side,
// the reader's own among them.

{
  const { element } = lenet.page;
  const { percent } = lenet.explain;
  const LARGEST = 64 * 2 ** 20; // bytes of a file that is read at all; LeNet-5 has 180,000
  const OURS = {
    reader: "chapter 2's, trained for handwriting: 20 epochs, each digit moved, turned and bent anew",
    lenet5: "as in chapter 2: five epochs on MNIST's digits as they are",
  };

  // As `lenetcourse predict` says it.
  function answerWords({ order, probabilities, unsure }) {
    const [first, second] = order.map((digit) => `${digit} (${percent(probabilities[digit])})`);
    return unsure ? `unsure: ${first} or ${second}` : first;
  }

  // When a network with these facts says that it is unsure, in a sentence.
  function unsureRule({ unsure_below: limit }) {
    if (typeof limit !== "number") return "It is never unsure: no limit for that lies with its weights.";
    return `Unsure: when its best digit is less than ${(100 * limit).toFixed(1)} percentage points ahead of its second.`;
  }

  // A bar and a number for each class. show(prediction) fills them in, show(null) empties them.
  class Bars {
    constructor(classes, caption) {
      this.rows = Array.from({ length: classes }, (_, digit) => {
        const bar = element("span", {}), number = element("td", { class: "network-number" });
        return { bar, number, row: element("tr", {},
          element("th", { scope: "row" }, String(digit)), element("td", { class: "network-track" }, bar), number) };
      });
      this.element = element("table", { class: "network-bars" },
        element("caption", { class: "network-hidden" }, caption), element("tbody", {}, this.rows.map(({ row }) => row)));
      this.show(null);
    }

    show(prediction) {
      this.rows.forEach(({ bar, number, row }, digit) => {
        const share = prediction ? prediction.probabilities[digit] : 0;
        bar.style.width = `${100 * share}%`;
        number.textContent = prediction ? percent(share) : "–";
        row.classList.toggle("network-best", prediction?.digit === digit);
      });
    }
  }

  // The networks on one drawing. One of them is chosen: the page shows its answer and its layers.
  class Comparison {
    // `onChange()` is called when another network is chosen, or the reader's own came.
    constructor({ onChange }) {
      this.onChange = onChange;
      this.cards = element("div", { class: "network-row" });
      this.problem = element("p", { class: "network-wrong", role: "alert", hidden: true });
      this.entries = Object.entries(OURS).map(([name, words]) => this.entry(name, words, lenet.loadModel(name)));
      const file = element("input", {
        type: "file", accept: ".safetensors", id: "network-weights", class: "network-hidden",
        onchange: () => this.open(file.files[0]).then(() => (file.value = "")),
      });
      this.element = element("div", {}, this.cards,
        element("div", { class: "network-bar" }, file,
          element("label", { for: file.id, class: "network-button" }, "Load my weights …"),
          element("span", { class: "network-note" }, "a .safetensors file that ", element("code", {}, "lenetcourse train"),
            " wrote, with any numbers of kernels; it stays in this page")),
        this.problem);
      this.choose(this.entries[0]);
    }

    get network() {
      return this.chosen.network;
    }

    // A card with a network's name, answer and bars; choosing it is a radio button.
    entry(name, words, network, own = false) {
      const answer = element("p", { class: "network-answer" });
      const bars = new Bars(network.classes, `Probabilities that ${name} gives`);
      const entry = { name, network, own, answer, bars };
      entry.radio = element("input", { type: "radio", name: "network-chosen", onchange: () => {
        this.choose(entry);
        this.onChange();
      } });
      const accuracy = network.facts.test?.accuracy;
      const tested = typeof accuracy === "number" ? `; ${percent(accuracy)} of its test digits right` : "";
      entry.card = element("section", { class: "network-card" },
        element("label", {}, entry.radio, element("strong", {}, name)),
        element("p", { class: "network-note" }, `${words}; ${network.kernels.join(" and ")} kernels${tested}`), answer, bars.element);
      this.cards.append(entry.card);
      return entry;
    }

    choose(entry) {
      this.chosen = entry;
      for (const other of this.entries) {
        other.radio.checked = other === entry;
        other.card.classList.toggle("network-chosen", other === entry);
      }
    }

    // Read weights from a file. One of the same name as before takes its place.
    async open(file) {
      if (!file) return;
      this.problem.hidden = true;
      try {
        if (file.size > LARGEST) throw new lenet.CourseError(`It has ${file.size} bytes, far more than a LeNet-5.`);
        const network = lenet.loadModel(await file.arrayBuffer());
        if (network.kind !== "LeNet5") throw new lenet.CourseError("It holds a VAE, which draws digits and names none; a LeNet-5 is wanted here.");
        this.add(file.name.replace(/\.safetensors$/, ""), network);
      } catch (error) {
        this.refuse(file, error);
      }
    }

    add(name, network) {
      const before = this.entries.find((entry) => entry.own);
      before?.card.remove();
      const entry = this.entry(`yours: ${name}`, "your own weights", network, true);
      this.entries = [...this.entries.filter((other) => other !== before), entry];
      this.choose(entry);
      this.onChange();
      lenet.page.announce(`${name} loaded and chosen`);
    }

    refuse(file, error) {
      if (!(error instanceof lenet.CourseError || error instanceof DOMException)) throw error;
      this.problem.textContent = `${file.name} was not taken. ${error.message}`;
      this.problem.hidden = false;
    }

    // Run all networks on a picture in MNIST's form and show what they say; null: there is none.
    // Return what the chosen one says.
    show(picture) {
      for (const entry of this.entries) {
        entry.prediction = picture && lenet.predict(entry.network, picture);
        entry.bars.show(entry.prediction);
        entry.answer.textContent = picture ? answerWords(entry.prediction) : "–";
      }
      return this.chosen.prediction;
    }
  }

  Object.assign(lenet, { Bars, Comparison, answerWords, unsureRule });
}
