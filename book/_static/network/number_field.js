"use strict";
// A field for one number, as the page "Slide a kernel" has them for weights and bias: one types into
// it, the arrow keys change it, and so does dragging it up or down.

{
  const { element } = lenet.page;
  const { written, typed } = lenet.sliding;
  const LARGEST = 99; // what typed() allows
  const PIXELS = 8; // up or down are one step

  class NumberField {
    // `what` names the number in messages. `onNumber(value)` hears of every new number, `onWrong(text)`
    // of what cannot be read, and with "" that all is well again.
    constructor({ what, onNumber, onWrong, ...attributes }) {
      Object.assign(this, { what, onNumber, onWrong, value: 0, step: 0.1 });
      this.first = 0; // what the number was before somebody began to type
      this.input = element("input", {
        type: "text", autocomplete: "off", ...attributes, class: `slide-number ${attributes.class ?? ""}`,
        onfocus: () => (this.first = this.value),
        onclick: () => this.input.select(), // a tap as well: what is typed then replaces the number
        oninput: () => this.read(),
        onblur: () => this.settle(),
        onkeydown: (event) => this.key(event),
        onpointerdown: (event) => this.drag(event),
        ondragstart: (event) => event.preventDefault(), // the selected text is not carried away
      });
    }

    // Show a number. What somebody is typing stays as it is typed.
    show(value) {
      const isTyped = this.input === document.activeElement && value === this.value;
      this.value = value;
      if (!isTyped) this.write();
    }

    write() {
      this.input.value = written(this.value);
      this.input.setAttribute("aria-invalid", "false");
      if (this.input === document.activeElement) this.input.select();
    }

    read() {
      try {
        this.value = Math.fround(typed(this.input.value)); // as a kernel keeps it
      } catch (error) {
        this.input.setAttribute("aria-invalid", "true");
        this.onWrong(isBegun(this.input.value) ? "" : messageOf(error));
        return;
      }
      this.input.setAttribute("aria-invalid", "false");
      this.onWrong("");
      this.onNumber(this.value);
    }

    // The end of typing. What is no number is not kept, nor what it was on the way to it ("1" of "1/x").
    settle() {
      const text = this.input.value;
      if (this.input.getAttribute("aria-invalid") === "true") {
        this.change(this.first);
        this.onWrong(`${problemWith(text)} The ${this.what} is ${written(this.first)} again.`);
      }
      this.first = this.value;
      this.write();
    }

    change(value) {
      this.value = Math.fround(Math.min(LARGEST, Math.max(-LARGEST, value)));
      this.write();
      this.onWrong("");
      this.onNumber(this.value);
    }

    key(event) {
      if (event.key === "Enter") this.settle();
      const steps = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!steps) return;
      event.preventDefault();
      this.change(stepped(this.value, steps * this.step));
    }

    // A press without a drag only gives the field the focus.
    drag(event) {
      const { value: first, step, input } = this, start = event.clientY;
      if (event.button !== 0) return;
      input.setPointerCapture(event.pointerId);
      const move = ({ clientY }) => {
        const steps = Math.trunc((start - clientY) / PIXELS);
        if (steps || this.value !== first) this.change(stepped(first, steps * step));
      };
      const end = () => {
        input.removeEventListener("pointermove", move);
        for (const kind of ["pointerup", "pointercancel"]) input.removeEventListener(kind, end);
      };
      input.addEventListener("pointermove", move);
      for (const kind of ["pointerup", "pointercancel"]) input.addEventListener(kind, end);
    }
  }

  const stepped = (value, change) => Number((value + change).toFixed(4));

  // What may still become a number: nothing yet, "−", "0.", "1/", "2e".
  const isBegun = (text) => /^\s*$|[-−+.,/e]\s*$/i.test(text);

  function messageOf(error) {
    if (!(error instanceof lenet.CourseError)) throw error;
    return error.message;
  }

  function problemWith(text) {
    try {
      typed(text);
      return "";
    } catch (error) {
      return messageOf(error);
    }
  }

  Object.assign(lenet.sliding, { NumberField });
}
