"use strict";
// Paths between the codes of two test images: lines in both planes, nine images along each, and a
// walk that takes the points from one end to the other.

{
  const { element, announce } = lenet.page;
  const { read, tile, picture, nextImage, showResult } = lenet.plane;
  const TILES = 9; // decoded images that are shown
  const STEPS = 48; // pieces of the line; the reader looks at both ends of each
  const WALK = 5000; // milliseconds from one end to the other
  const WAYS = ["straight", "round"];

  const bar = (words, children) =>
    element("div", { class: "network-bar", role: "group", "aria-label": words }, children);
  const points = (path, count) => Array.from({ length: count + 1 }, (_, k) => path(k / count));

  // The path between two test images: share, 0 to 1 -> code.
  function pathOf({ decoder }, { from, to, way }) {
    const along = way === "round" ? lenet.roundWay : lenet.straightWay;
    return (share) => along(decoder.codes[from].mean, decoder.codes[to].mean, share);
  }

  // What the reader says along a path, each answer once: "1, refused, 3".
  function answersAlong(panel, path) {
    const said = points(path, STEPS).map((code) => {
      const { digit, accepted } = read(panel, code);
      return accepted ? digit : "refused";
    });
    return said.filter((answer, k) => answer !== said[k - 1]).join(", ");
  }

  // How much ink changes between two images: the sum of all differences, 784 at most.
  const inkBetween = ({ image: one }, { image: other }) =>
    one.data.reduce((sum, ink, pixel) => sum + Math.abs(ink - other.data[pixel]), 0);

  // Whether the ends of a path come back as the digits that they are.
  function endsInWords({ decoder }, { from, to }, found) {
    const ends = [["start", from, found[0]], ["end", to, found.at(-1)]];
    const others = ends.filter(([, image, { digit, accepted }]) =>
      !accepted || digit !== decoder.codes[image].digit);
    return others.map(([name, image, { digit, accepted }]) => {
      const comesBack = accepted ? `comes back as ${digit}` : "is refused";
      return `The ${decoder.codes[image].digit} at the ${name} ${comesBack}. `;
    }).join("");
  }

  // What there is along a path: its line, its images, and lines of words above and below them.
  function lookAlong(panel, chosen) {
    const path = pathOf(panel, chosen);
    const found = points(path, TILES - 1).map((code) => read(panel, code));
    const changes = found.slice(1).map((one, k) => inkBetween(found[k], one).toFixed(0));
    const where = `The reader at ${STEPS + 1} places along the path`;
    return {
      line: points(path, STEPS), stops: found.map(({ code }) => code),
      above: `${where}: ${answersAlong(panel, path)}. ${endsInWords(panel, chosen, found)}`,
      tiles: found.map((one) => tile(panel, one)),
      below: `Ink that changes from image to image: ${changes.join(", ")}.`,
    };
  }

  // Show a path, which takes some tenths of a second when it is another than the last one. Returns
  // what there is to say.
  function showPath(panel, chosen) {
    const name = JSON.stringify(chosen);
    if (panel.along?.name !== name) panel.along = { name, ...lookAlong(panel, chosen) };
    const { line, stops, above, below } = panel.along;
    lenet.plane.showPath(panel.plane, line, stops);
    showResult(panel, "path", panel.along);
    return `${panel.title}: ${above}${below}`;
  }

  function clearPath(panel) {
    panel.plane.parts.path.replaceChildren();
    showResult(panel, "path", {});
  }

  // Fields for one end: its digit, and a button with the picture that takes another such image.
  // `other()` is the test image at the other end, which this one is never the same as.
  function endOf(words, digit, codes, other, changed) {
    const another = element("button", { type: "button", onclick: () => choose(end.image) });
    const options = Array.from({ length: 10 }, (_, value) =>
      element("option", { value, selected: value === digit }, value));
    const field = element("select",
      { onchange: () => choose(-1), "aria-label": `Path ${words}` }, options);
    const label = element("label", {}, `${words} `, field);
    const end = { image: nextImage(codes, digit), element: [label, another] };
    function choose(after) {
      const value = Number(field.value), next = nextImage(codes, value, after);
      end.image = next === other() ? nextImage(codes, value, next) : next;
      show();
      changed();
    }
    function show() {
      const value = codes[end.image].digit, now = `now test image ${end.image + 1}`;
      another.setAttribute("aria-label", `another ${value}; ${now}`);
      another.replaceChildren(picture(end.image, value), "another");
    }
    show();
    return end;
  }

  function wayField(changed) {
    const options = WAYS.map((way) => element("option", {}, way));
    return element("select", { onchange: changed, "aria-label": "Way of the path" }, options);
  }

  // The controls of a path. `taken()` is called before a walk takes the points, `seen` is the
  // element that a walk wants in the window.
  function pathControls(panels, { taken, seen }) {
    const { codes } = panels[0].decoder, way = wayField(changed);
    const from = endOf("from", 1, codes, () => to.image, changed);
    const to = endOf("to", 0, codes, () => from.image, changed);
    const chosen = () => ({ from: from.image, to: to.image, way: way.value });
    const update = () => announce(panels.map((panel) => showPath(panel, chosen())).join(" "));
    function changed() {
      walk.stop();
      update();
    }
    function begin() {
      taken();
      update();
      seen.scrollIntoView({ block: "nearest" });
    }
    const walk = walking(begin, (share) =>
      panels.forEach((panel) => panel.plane.place(pathOf(panel, chosen())(share))));
    const clear = () => (walk.stop(), panels.forEach(clearPath));
    const controls = ["Path", from.element, to.element, way, walk.button].flat();
    return { element: bar("Path between two test images", controls), stop: walk.stop, clear };
  }

  // A button that calls `step` with shares from 0 to 1, one a frame, after `begin`, and while it
  // does so stops it. Who wants no motion gets the last one at once.
  function walking(begin, step) {
    let walk = 0; // its number: an older one stops
    let going = false;
    const button = element("button", { type: "button", onclick: () => (going ? stop() : start()) });
    function mark(now) {
      going = now;
      button.textContent = going ? "Stop" : "Walk";
    }
    const stop = () => (walk++, mark(false));
    function start() {
      begin();
      const own = ++walk, from = performance.now();
      function next(now) {
        if (own !== walk) return;
        const share = lenet.page.reducedMotion() ? 1 : Math.min(1, Math.max(0, now - from) / WALK);
        step(share);
        if (share < 1) requestAnimationFrame(next);
        else mark(false);
      }
      mark(true);
      requestAnimationFrame(next);
    }
    mark(false);
    return { button, stop };
  }

  Object.assign(lenet.plane, { pathControls, inkBetween });
}
