"use strict";
// The way that a reader has taken from a number back to what it is made of: its steps as a list of
// buttons. It needs explain.js and page.js.

{
  const { element } = lenet.page;
  const { placeName, number, percent } = lenet.explain;

  class Way {
    // `go(place)` is called when a step is chosen.
    constructor(go) {
      this.go = go;
      this.element = element("ol", { class: "layers-way", "aria-label": "The way taken" });
    }

    // `way` holds the places before this one. Nothing is shown where there is none. The step that
    // had the keys' focus has it again.
    draw(stages, way, place) {
      const focused = document.activeElement;
      const key = this.holds(focused) ? focused.dataset.key : null;
      this.element.hidden = !way.length;
      const step = (one) => element("li", {}, element("button", {
        type: "button", "data-key": one.stage, "aria-current": one === place ? "step" : null,
        onclick: () => this.go(one),
      }, words(stages, one)));
      this.element.replaceChildren(...(way.length ? [...way, place].map(step) : []));
      if (key) this.element.querySelector(`[data-key="${key}"]`)?.focus();
    }

    holds(node) {
      return this.element.contains(node);
    }
  }

  // "Pooling 2, map 16: 3.09". A stage is on the way once: where in the map needs no saying.
  function words(stages, place) {
    const { title, kind } = stages[place.stage], value = lenet.stages.valueAt(stages, place);
    const [name] = kind === "input" ? [] : placeName(stages, place).split(", row");
    return `${[title, name].filter(Boolean).join(", ")}: ${kind === "softmax" ? percent(value) : number(value)}`;
  }

  lenet.Way = Way;
}
