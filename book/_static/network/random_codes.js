"use strict";
// Random codes, drawn from N(0, I): a dot for each falls into both planes, and the reader counts.

{
  const { element, announce } = lenet.page;
  const { read, tile, showResult } = lenet.plane;
  const KEPT = 9; // codes whose images are shown
  const A_FRAME = 20; // milliseconds of drawing in one frame: more would make it stutter
  const COUNTS = [10, 100, 1000];

  // The 95 % Wilson score interval of a share measured on `count` codes, as
  // lenetcourse.confidence_interval: E. B. Wilson, Journal of the American Statistical
  // Association 22 (1927), 209-212.
  function confidenceInterval(share, count) {
    const z2 = 1.959964 ** 2, whole = 1 + z2 / count, middle = (share + z2 / (2 * count)) / whole;
    const half = Math.sqrt(z2 * ((share * (1 - share)) / count + z2 / (4 * count ** 2))) / whole;
    return [Math.max(0, middle - half), Math.min(1, middle + half)];
  }

  function clearDrawn(panel) {
    panel.plane.parts.drawn.replaceChildren();
    panel.counts = { drawn: 0, accepted: Array(10).fill(0) };
    panel.latest = [];
    showResult(panel, "drawn", {});
  }

  // One code for both networks: a dot falls into each plane, and each decoder makes an image of it.
  function drawCode(panels) {
    const code = lenet.normalCode();
    for (const panel of panels) {
      const found = read(panel, code);
      panel.counts.drawn++;
      if (found.accepted) panel.counts.accepted[found.digit]++;
      lenet.plane.dropDot(panel.plane, found);
      panel.latest = [...panel.latest, found].slice(-KEPT);
    }
  }

  // The line of a panel; its images only when all codes are drawn.
  function showDrawn(panel, done) {
    const { strip } = panel.drawn;
    const tiles = done ? panel.latest.map((found) => tile(panel, found)) : [...strip.children];
    const above = `${countInWords(panel.counts)} The last ${KEPT}:`;
    showResult(panel, "drawn", { above, tiles });
  }

  // How many were accepted, how far chance may have moved that share, and whether they are all the
  // same digit.
  function countInWords({ drawn, accepted }) {
    const all = accepted.reduce((sum, count) => sum + count, 0), most = Math.max(...accepted);
    const percent = (share) => Math.round(100 * share);
    const [low, high] = confidenceInterval(all / drawn, drawn).map(percent);
    const share = `${drawn.toLocaleString("en")} drawn, ${all.toLocaleString("en")} accepted: ` +
      `${percent(all / drawn)} % (95 % interval ${low} to ${high} %).`;
    if (all === 0) return share;
    return `${share} Most of all ${accepted.indexOf(most)}s: ${percent(most / all)} % of these.`;
  }

  function drawControls(panels) {
    let left = 0; // still to be drawn
    function some() {
      if (left === 0) return;
      const end = performance.now() + A_FRAME;
      for (; left > 0 && performance.now() < end; left--) drawCode(panels);
      panels.forEach((panel) => showDrawn(panel, left === 0));
      if (left > 0) requestAnimationFrame(some);
      else announce(panels.map(inWords).join(" "));
    }
    const inWords = ({ title, counts }) => `${title}: ${countInWords(counts)}`;
    function draw(count) {
      if (left === 0) requestAnimationFrame(some);
      left += count;
    }
    const clear = () => ((left = 0), panels.forEach(clearDrawn));
    const buttons = COUNTS.map((count) => count.toLocaleString("en")).map((words, k) =>
      element("button", { type: "button", onclick: () => draw(COUNTS[k]),
        "aria-label": `Draw ${words} random codes` }, words));
    clear();
    const attributes = { class: "network-bar", role: "group", "aria-label": "Random codes" };
    const bar = element("div", attributes, "Draw", buttons, "random codes");
    return { element: bar, clear };
  }

  Object.assign(lenet.plane, { drawControls, confidenceInterval });
}
