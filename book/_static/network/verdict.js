"use strict";
// What a training is doing, in a sentence: learned from its losses, step by step. Each case says
// only what its condition has compared.

{
  const RECENT = 20; // steps that are looked back at
  const FEW = 5; // digits: a batch so small speaks for itself only

  // history: {batch, sizes, train, held}: the loss and the size of each step's batch, and {loss,
  // wrong} of the training digits and of those held out, which begin before the first step.
  // -> {kind, text, note}; kind is the case's name, and note, perhaps empty, says why.
  function verdict(training, history, settings) {
    const facts = summary(training, history, settings);
    const [kind, , text] = CASES.find(([, holds]) => holds(facts));
    const bare = ["notBegun", "diverged", "allDead", "still"].includes(kind);
    const notes = bare ? [] : [sureNote, deadNote, noisyNote, overshootingNote, detoursNote];
    return { kind, text: text(facts), note: notes.map((note) => note(facts)).find(Boolean) ?? "" };
  }

  // What the cases compare.
  function summary({ name, steps, train, held, weights }, history, settings) {
    const losses = history.train.map(({ loss }) => loss), heldLosses = history.held.map(({ loss }) => loss);
    const isSmall = name === "small";
    return {
      steps, settings, sizes: history.sizes, batch: history.batch, losses, heldLosses,
      first: losses[0], now: losses.at(-1), low: extreme(losses, -1), peak: extreme(losses, 1),
      heldNow: heldLosses.at(-1), heldLow: extreme(heldLosses, -1),
      guess: Math.log(name === "neuron" ? 2 : 10), classes: name === "neuron" ? 2 : 10,
      count: train.labels.length, heldCount: held.labels.length,
      wrong: wrongOf(history.train, train), heldWrong: wrongOf(history.held, held),
      units: isSmall ? weights[1].value.data.length : 0, dead: isSmall ? lenet.training.deadUnits({ weights, train }) : 0,
    };
  }

  // How many digits were wrong, step by step.
  const wrongOf = (line, { labels }) => line.map(({ wrong }) => Math.round(wrong * labels.length));

  // The lowest (sign -1) or highest (sign 1) of some values, and the first step that has it.
  function extreme(values, sign) {
    const step = values.reduce((best, value, k) => (sign * value > sign * values[best] ? k : best), 0);
    return { loss: values[step], step };
  }

  // The least of the values after each of the last steps; of fewer steps, none.
  const leastLately = (values) => (values.length > RECENT ? Math.min(...values.slice(-RECENT)) : -Infinity);

  // How often a loss has risen in the last steps; of fewer steps, none.
  function recentRises(values) {
    const last = values.slice(-RECENT - 1);
    return last.length > RECENT ? last.filter((loss, k) => k && loss > last[k - 1]).length : 0;
  }

  const highest = ({ first, guess }) => Math.max(first, guess); // of what is no sign of a fault

  // In all of the last steps the loss held out was clearly above its lowest, and that of the
  // training digits below what it was then.
  const overfits = ({ losses, heldLosses, heldLow }) =>
    leastLately(heldLosses) > 1.05 * heldLow.loss && losses.slice(-RECENT).every((loss) => loss < losses[heldLow.step]);

  // Cases in the order in which they are looked at: the first that holds is said.
  const CASES = [
    ["notBegun", ({ steps }) => !steps, notBegun],
    ["diverged", ({ now, batch }) => !Number.isFinite(now) || !Number.isFinite(batch.at(-1)), () =>
      "The training has diverged: a right digit has been given the probability 0, and its loss is infinite. The steps are too long. Reset it, and choose a smaller rate or less momentum."],
    ["allDead", ({ dead, units }) => units && dead === units, ({ units }) =>
      `All ${units} hidden units are dead: they give 0 for every training digit, and no gradient reaches their weights. Only the ten biases of the scores still learn: how common each digit is. Reset it, and choose a smaller rate.`],
    ["still", ({ settings }) => !settings.rate, () =>
      "The rate is 0: there is a gradient, but no step follows it."],
    ["climbing", (s) => s.now > 1.1 * highest(s) && s.now > 0.7 * s.peak.loss, ({ first, now }) =>
      `The loss has climbed from ${number(first)} to ${number(now)}: the steps go beyond the bottom of the valley and up its other side. If it does not come down again, choose a smaller rate or less momentum.`],
    ["recovering", (s) => s.now > 1.1 * highest(s), (s) =>
      `The loss has come down to ${number(s.now)}, from ${number(s.peak.loss)} at step ${s.peak.step}, but is still above ${number(highest(s))}, ${s.first < s.guess ? "the loss of guessing" : "where it began"}. A smaller rate does not leap so far.`],
    ["overfitting", overfits, overfitting],
    ["rebounding", ({ losses, low, now }) => now > low.loss + 0.02 && leastLately(losses) > 1.2 * low.loss, ({ low, now }) =>
      `The training loss was down to ${number(low.loss)} at step ${low.step}. In the last ${RECENT} steps it has stayed above that; now it is at ${number(now)}. A smaller rate, less momentum or a larger batch would hold it better.`],
    ["known", ({ wrong }) => !wrong.at(-1), known],
    ["slow", (s) => s.steps >= 2 * RECENT && s.now >= 0.9 * s.first && s.now < s.first && s.peak.loss < 1.1 * s.first && recentRises(s.losses) < RECENT / 4, ({ steps, first, now }) =>
      `In ${steps} steps the loss has fallen only from ${number(first)} to ${number(now)}: the steps go down, but they are very short.`],
    ["level", ({ now, first }) => now >= 0.9 * first, level],
    ["learning", () => true, learning],
  ];

  function notBegun({ now, classes, guess }) {
    return `No step has been taken. The loss is ${number(now)}; who guesses among ${classes} digits has the loss log ${classes} = ${number(guess)}.`;
  }

  function overfitting({ losses, now, heldNow, heldLow }) {
    const since = heldLow.step ? `step ${heldLow.step}` : "the start";
    return `It overfits: since ${since} the loss of the digits held out has risen from ${number(heldLow.loss)} to ${number(heldNow)}, while that of the training digits has fallen from ${number(losses[heldLow.step])} to ${number(now)}.`;
  }

  function known({ heldWrong, heldCount }) {
    const wrong = heldWrong.at(-1), { loss: fewest, step } = extreme(heldWrong, -1);
    const surer = "What the training loss can still gain is to make the network surer.";
    if (!wrong) return `Every digit is right, of those it was trained on and of those held out. ${surer}`;
    const best = wrong > fewest ? `they were ${fewest} at step ${step}` : "the fewest so far";
    return `Every training digit is right; of those held out ${wrong} of ${heldCount} are wrong (${best}). ${surer}`;
  }

  function level({ steps, first, now, peak }) {
    const from = number(first), to = number(now), counted = steps > 1 ? `${steps} steps` : "1 step";
    const leap = peak.loss > 1.5 * Math.max(first, now) ? ` On the way it was at ${number(peak.loss)} (step ${peak.step}): a step was too long.` : "";
    if (from === to) return `After ${counted} the loss is at ${to}, as at the start.${leap}`;
    return `After ${counted} the loss has ${now < first ? "fallen only" : "risen"} from ${from} to ${to}.${leap}`;
  }

  function learning({ first, now, low }) {
    const lowest = now > 1.2 * low.loss ? ` It was lowest at step ${low.step}: ${number(low.loss)}.` : "";
    return `It learns: the loss of the training digits has fallen from ${number(first)} to ${number(now)}.${lowest}`;
  }

  // Why it is so: to add to a case.

  function sureNote({ now, guess, heldNow, heldWrong, heldCount }) {
    const right = heldCount - heldWrong.at(-1);
    if (now >= guess || heldNow <= guess || right < heldCount / 2) return "";
    return `Of the digits held out ${right} of ${heldCount} are right, and yet their loss, ${number(heldNow)}, is worse than that of guessing (${number(guess)}): of what it has wrong, the network is very sure.`;
  }

  const deadNote = ({ dead, units }) =>
    !units || dead < units / 2 ? ""
      : `${dead} of the ${units} hidden units are dead: they give 0 for every training digit, and the other ${units - dead} do all the work. Shorter steps from the start leave more of them alive.`;

  function noisyNote({ batch, sizes }) {
    const last = sizes.slice(-RECENT), size = last[0];
    if (last.length < RECENT || last.some((other) => other !== size) || size > FEW) return "";
    const digits = size === 1 ? "a single digit" : `${size} digits`, losses = batch.slice(-RECENT);
    return `The last ${RECENT} batches, of ${digits} each, had losses from ${number(Math.min(...losses))} to ${number(Math.max(...losses))}: each pulls the weights its own way.`;
  }

  function overshootingNote({ losses, sizes, count }) {
    const rises = recentRises(losses);
    if (rises < RECENT / 4 || sizes.slice(-RECENT).some((size) => size < count)) return "";
    return `In ${rises} of the last ${RECENT} steps the training loss rose, though each step looked at all training digits: the steps overshoot, and jump across the valley.`;
  }

  function detoursNote({ losses, sizes, count }) {
    const rises = recentRises(losses);
    if (!rises || sizes.slice(-RECENT).some((size) => size >= count)) return "";
    return `In ${rises} of the last ${RECENT} steps the training loss rose: a batch is not all digits, and what helps the one may harm the others.`;
  }

  // Three figures, without the power of ten that toPrecision gives.
  function number(value) {
    if (!Number.isFinite(value)) return "infinite";
    if (value === 0) return "0";
    if (value < 0.001) return "less than 0.001";
    return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
  }

  lenet.verdict = verdict;
  lenet.inWords = number;
}
