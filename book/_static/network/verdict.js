"use strict";
// What a training is doing, in a sentence: learned from its losses, step by step.

{
  const RECENT = 20; // steps that are looked back at
  const FEW = 5; // digits: a batch so small speaks for itself only

  // history: {batch, train, held}, numbers or {loss, wrong} a step; train and held begin before the
  // first one. -> {kind, text}; kind is one word, and "diverged" means that no step helps any more.
  function verdict(training, history, settings) {
    const now = history.train.at(-1), first = history.train[0].loss;
    const tests = [notBegun, diverged, climbing, known, shut, still, noisy, overshooting, slow];
    for (const test of tests) {
      const text = test({ training, history, settings, now, first });
      if (text) return { kind: test.name, text };
    }
    return { kind: "learning", text: `It learns: the loss of the training digits has fallen from ${number(first)} to ${number(now.loss)}.${detours(history)}` };
  }

  function notBegun({ training, now }) {
    if (training.steps) return null;
    const classes = training.name === "neuron" ? 2 : 10;
    const guess = `who guesses among ${classes} digits has the loss log ${classes} = ${number(Math.log(classes))}`;
    return `No step has been taken. The loss is ${number(now.loss)}; ${guess}.`;
  }

  const diverged = ({ now, history }) =>
    Number.isFinite(now.loss) && Number.isFinite(history.batch.at(-1)) ? null
      : "The training has diverged: a right digit has been given the probability 0, and its loss is infinite. The steps are too long. Reset it, and choose a smaller rate or less momentum.";

  const climbing = ({ now, first }) =>
    now.loss < 1.5 * first ? null
      : `The loss climbs: the training digits began at ${number(first)} and are at ${number(now.loss)}. The steps are too long, and go beyond the bottom of the valley and up its other side. Choose a smaller rate or less momentum.`;

  function shut({ training }) {
    if (training.name !== "small") return null;
    const units = lenet.training.shutUnits(training), count = units.filter(Boolean).length;
    if (count < units.length / 2) return null;
    const whose = "their ReLU gives 0 for every training digit, and no gradient reaches their weights";
    if (count < units.length) return `${count} of the ${units.length} hidden units are shut: ${whose}. A few steps that were too long have done it. Reset it, and choose a smaller rate.`;
    return `All ${count} hidden units are shut: ${whose}. Only the last biases still learn, namely how common each digit is. Reset it, and choose a smaller rate.`;
  }

  const still = ({ settings }) =>
    settings.rate ? null : "The rate is 0: there is a gradient, but no step follows it.";

  function known({ training, now, history }) {
    if (now.wrong) return null;
    const { wrong } = history.held.at(-1), count = training.held.labels.length;
    if (!wrong) return "Every digit is right, of those it was trained on and of those held out. What still falls is the loss: the network becomes surer.";
    return `Every training digit is right; of those held out ${Math.round(wrong * count)} of ${count} are wrong. More steps hardly change that: more digits would.`;
  }

  function noisy({ history, settings }) {
    const losses = history.batch.slice(-RECENT);
    if (settings.batch > FEW || losses.length < RECENT) return null;
    const digits = settings.batch === 1 ? "a single digit" : `${settings.batch} digits`;
    return `The last ${RECENT} batches, of ${digits} each, had losses from ${number(Math.min(...losses))} to ${number(Math.max(...losses))}. Each pulls the weights its own way, and the curve trembles.`;
  }

  function overshooting({ training, history, settings }) {
    const rises = recentRises(history);
    if (settings.batch < training.train.labels.length || rises < RECENT / 4) return null;
    return `In ${rises} of the last ${RECENT} steps the loss rose, though each step looks at all training digits: the steps overshoot, and jump across the valley.`;
  }

  // How often the loss of the training digits has risen lately.
  function recentRises({ train }) {
    const losses = train.slice(-RECENT - 1).map(({ loss }) => loss);
    return losses.length > RECENT ? losses.filter((loss, k) => k && loss > losses[k - 1]).length : 0;
  }

  function detours(history) {
    const rises = recentRises(history);
    return rises ? ` In ${rises} of the last ${RECENT} steps it rose: a batch is not all digits, and what helps the one may harm the others.` : "";
  }

  const slow = ({ training, now, first }) =>
    training.steps < 2 * RECENT || now.loss < 0.9 * first ? null
      : `After ${training.steps} steps the loss is at ${number(now.loss)}, from ${number(first)}: the steps go down, but they are very short.`;

  // Three figures, without the power of ten that toPrecision gives.
  function number(value) {
    if (!Number.isFinite(value)) return "infinite";
    if (value === 0) return "0";
    if (value < 0.001) return "less than 0.001";
    return value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
  }

  lenet.verdict = verdict;
  lenet.inWords = number;
}
