// What the model says of one sample, in words and bars, with the thresholds as the reader has set them.
const MOST_BARS = 10; // classes or columns
const two = facts.classes.length === 2;
const made = { ...{ thresholds: [], costs: [], abstain_below: 0, positive: 1 }, ...facts.point }; // as the file decides
let point = { ...made };
let current = null; // {answer, row, or null for a picture}
let truth = null; // the class that a stored sample is known to be of

/** The threshold of two classes that the file's rule comes to: its own, or that of its costs or pair of thresholds. */
function startThreshold() {
  const { thresholds, costs, positive } = made;
  if (thresholds.length === 1) return thresholds[0];
  if (thresholds.length === 2) return thresholds[positive] / Math.max(1e-12, thresholds[0] + thresholds[1]);
  if (costs.length) {
    const alarm = costs[1 - positive][positive] - costs[1 - positive][1 - positive];
    const miss = costs[positive][1 - positive] - costs[positive][positive];
    return alarm + miss > 0 ? Math.min(1, Math.max(0, alarm / (alarm + miss))) : 0.5;
  }
  return 0.5;
}

const moved = () => point !== made && (point.threshold !== undefined || point.abstain_below !== made.abstain_below);

function answerOf(got) {
  const logits = Array.from(got.logits.data);
  const answer = { shares: softmax(logits), calibrated: Array.from(got.probabilities.data), said: got.decision.data[0] };
  if (got.set) answer.set = facts.classes.filter((_, k) => got.set.data[k]);
  if (got.outlier) answer.outlier = got.outlier.data[0];
  if (got.explanation) answer.explanation = got.explanation;
  return answer;
}

function show(answer, row) {
  current = { answer, row };
  draw();
}

function draw() {
  if (!current) return;
  const { answer, row } = current;
  const said = moved() ? decide(answer.shares, point) : answer.said;
  const top = best(answer.shares);
  const about = said < 0 ? top : said;
  $("said").textContent = said < 0 ? "It says nothing" : facts.classes[said];
  $("said").classList.toggle("silent", said < 0);
  $("sure").textContent = said < 0
    ? `It is not sure enough: the most probable answer is ${facts.classes[top]}, with ${percent(answer.shares[top])}.`
    : sureText(answer, said, top);
  $("set").textContent = setText(answer, said);
  const far = answer.outlier >= 0.99;
  $("far").hidden = !far;
  $("far").textContent = far ? `This ${facts.thing} is unlike nearly all that it was trained on. Its answer is a guess; do not rely on it.` : "";
  $("wrong").textContent = truth === null || said < 0 ? "" : facts.classes[said] === truth ? "It is right." : "It is wrong here.";
  $("bar").hidden = false;
  $("bar-said").textContent = $("said").textContent;
  $("bar-share").textContent = percent(answer.shares[about]);
  drawShares(answer.shares, said);
  $("scores").textContent = said >= 0 && Math.abs(answer.shares[said] - answer.calibrated[said]) >= 0.01
    ? "The bars are its own scores, which the thresholds below are held against; how many of 100 are right is what such scores came to on data kept apart." : "";
  drawWhy(answer, row);
  drawOutcome();
}

function sureText(answer, said, top) {
  const right = `Of answers like this, ${ofHundred(answer.calibrated[said])} are right.`;
  if (said === top) return right;
  return `${facts.classes[top]} is more probable, but ${facts.classes[said]} is said as the threshold asks for. ${right}`;
}

function setText(answer, said) {
  if (!answer.set || !answer.set.length || (answer.set.length === 1 && answer.set[0] === facts.classes[said])) return "";
  if (answer.set.length === facts.classes.length && facts.classes.length > 3) return "To be safe, no answer can be ruled out.";
  return `To be right in ${ofHundred(facts.coverage).replace("about ", "")} cases, it would have to say: ${listed(answer.set)}.`;
}

function drawShares(shares, said) {
  const order = shares.map((_, k) => k).sort((a, b) => shares[b] - shares[a]).slice(0, MOST_BARS);
  const shown = two ? [0, 1] : order;
  const threshold = point.threshold ?? startThreshold();
  $("shares").replaceChildren(...shown.map((k) =>
    shareBar(facts.classes[k], shares[k], { strong: k === said, mark: two && k === made.positive ? threshold : null })));
  $("more").textContent = facts.classes.length > shown.length ? `The other ${facts.classes.length - shown.length} answers have less.` : "";
}

function drawWhy(answer, row) {
  const there = Boolean(answer.explanation);
  const about = facts.classes[answer.said < 0 ? best(answer.shares) : answer.said]; // as the file decides, whatever the sliders say
  if (facts.kind === "image") {
    $("map").hidden = !there || !$("show-map").checked;
    $("map-choice").hidden = !there;
    if (there) drawMap($("map"), answer.explanation.data, ...answer.explanation.dims.slice(1));
    $("why-text").textContent = there
      ? `The warmer a place, the more it speaks for ${about}.`
      : "This file was made without explanations, so it does not say where it looked.";
    return;
  }
  if (!there) {
    $("why-text").textContent = "This file was made without explanations, so it does not say which columns counted.";
    return;
  }
  const values = Array.from(answer.explanation.data);
  const order = values.map((_, j) => j).sort((a, b) => Math.abs(values[b]) - Math.abs(values[a])).slice(0, MOST_BARS);
  const largest = Math.max(1e-12, ...values.map(Math.abs));
  $("why-text").textContent = `What speaks for ${about}, and what against it, compared with a typical ${facts.thing}.`;
  $("pulls").replaceChildren(...order.filter((j) => values[j] !== 0).map((j) =>
    pullBar(`${facts.inputs[j].column} = ${shownValue(row[facts.inputs[j].name])}`, values[j], largest)));
}

/** What the thresholds, as they are set, come to on the samples that were kept apart. */
function drawOutcome() {
  const threshold = point.threshold ?? startThreshold();
  $("reset").hidden = !moved();
  if (two) {
    const name = facts.classes[made.positive];
    $("threshold").value = threshold;
    $("threshold-value").textContent = percent(threshold);
    const at = nearest(facts.sweep, "threshold", threshold);
    $("threshold-text").textContent = !at || at.recall === null ? "" :
      `Of 100 that are ${name}, it finds ${count(at.recall)}. ` + (at.precision === null ? `It calls none ${name}.` :
        `Of 100 that it calls ${name}, ${count(at.precision)} are.`);
  }
  $("below").value = point.abstain_below;
  $("below-value").textContent = point.abstain_below > 0 ? percent(point.abstain_below) : "off";
  const at = nearest(facts.silence, "level", point.abstain_below);
  $("below-text").textContent = !at || point.abstain_below <= 0 ? "It always answers." :
    `It answers ${count(at.answered)} of 100` + (at.right === null ? "." : `, and is right in ${count(at.right)} of 100 answers.`);
}

function count(share) {
  return share > 0.995 && share < 1 ? "over 99" : share > 0 && share < 0.005 ? "under 1" : String(Math.round(100 * share));
}

function wireThresholds() {
  $("threshold-row").hidden = !two;
  if (two) {
    $("threshold-name").textContent = `Say ${facts.classes[made.positive]} from`;
    $("threshold").addEventListener("input", (event) => {
      const threshold = Number(event.target.value);
      point = { ...point, threshold, thresholds: [threshold], costs: [] };
      draw();
    });
  }
  $("below").min = 0;
  $("below").addEventListener("input", (event) => {
    point = { ...point, abstain_below: Number(event.target.value) };
    draw();
  });
  $("reset").addEventListener("click", () => { point = { ...made }; draw(); });
  drawOutcome();
}
