// What happens when the page opens: check itself, show the first sample, then follow the reader.
let asked = 0; // questions, so that an answer that comes late is not shown

async function look(feeds, row) {
  const number = ++asked;
  $("problem").hidden = true;
  try {
    const got = await ask(feeds);
    if (number !== asked) return;
    show(answerOf(got), row);
    window.vitrine.first ??= performance.now();
  } catch (error) {
    complain(error);
  }
}

function complain(error) {
  $("problem").hidden = false;
  $("problem").textContent = error.message || String(error);
}

// ------------------------------------------------------------------------------------------------- pictures

async function lookAtPicture(blob) {
  try {
    const pixels = await pixelsOf(blob, facts.inputs[0].shape[1]);
    drawPicture($("picture"), pixels);
    $("map").hidden = true;
    $("size").textContent = `${pixels.dims[3]} × ${pixels.dims[2]} pixels${pixels.smaller ? ", made smaller first" : ""}`;
    await look({ [facts.inputs[0].name]: { type: "uint8", ...pixels } }, null);
  } catch (error) {
    complain(error);
  }
}

function wirePictures() {
  const zone = $("zone");
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files.length) own(event.dataTransfer.files[0]);
    });
  }
  document.addEventListener("paste", (event) => { if (event.clipboardData.files.length) own(event.clipboardData.files[0]); });
  $("file").addEventListener("change", (event) => { if (event.target.files.length) own(event.target.files[0]); });
  $("show-map").addEventListener("change", draw);

  function own(file) {
    choose(-1);
    forgetTruth();
    lookAtPicture(file);
  }
}

function showSample(i) {
  const sample = facts.samples[i];
  truth = sample.truth;
  $("truth").textContent = truth === null ? sample.about : `${sample.about} In truth it is ${truth}.`;
  if (facts.kind === "image") return lookAtPicture(new Blob([bytesOf(sample.png)], { type: "image/png" }));
  fill(fields, sample.row);
  return look(feedsOf(sample.row), sample.row);
}

// ------------------------------------------------------------------------------------------------- samples

let chosen = -1;

function forgetTruth() {
  truth = null;
  $("truth").textContent = $("wrong").textContent = "";
}

function choose(i) {
  chosen = i;
  [...$("samples").children].forEach((button, j) => button.setAttribute("aria-pressed", String(j === i)));
}

function step(by) {
  const n = facts.samples.length;
  const i = (chosen + by + n) % n;
  choose(i);
  $("samples").children[i].scrollIntoView({ block: "nearest", inline: "nearest" });
  return showSample(i);
}

function wireSamples() {
  $("samples").replaceChildren(...facts.samples.map((sample, i) => {
    const inside = sample.png ? make("img", { src: `data:image/png;base64,${sample.png}`, alt: "" }) : make("span", {}, sample.name);
    inside.addEventListener("load", () => inside.classList.toggle("tiny", inside.naturalWidth <= 64));
    return make("button", { type: "button", title: sample.name, "aria-label": sample.name, onclick: () => { choose(i); showSample(i); } }, inside);
  }));
  $("walk").hidden = facts.samples.length < 2;
  $("before").addEventListener("click", () => step(-1));
  $("after").addEventListener("click", () => step(1));
}

// ------------------------------------------------------------------------------------------------- rows

let fields = [];

function wireRows() {
  let waiting = 0;
  fields = makeFields(() => {
    choose(-1);
    forgetTruth();
    clearTimeout(waiting);
    waiting = setTimeout(() => { const row = rowOf(fields); look(feedsOf(row), row); }, 120);
  });
}

// ------------------------------------------------------------------------------------------------- opening

async function start() {
  if (facts.samples.length) wireSamples();
  if (facts.kind === "image") wirePictures();
  else wireRows();
  wireThresholds();
  try {
    await loaded;
  } catch (error) {
    $("check").className = "badge failed";
    $("check").textContent = `This browser cannot run the model (${error.message || error}). A current Firefox, Chrome, Edge or Safari can.`;
    return null;
  }
  document.body.classList.add("ready");
  if (facts.samples.length) { choose(0); await showSample(0); }
  const result = await selfTest().catch((error) => ({ passed: false, sentence: `The self-test could not be run in this browser (${error.message}). Do not rely on it here.` }));
  $("check").className = `badge ${result.passed === null ? "" : result.passed ? "passed" : "failed"}`;
  $("check").textContent = result.sentence;
  return result;
}

window.vitrine = { ask, facts, pixelsOf };

window.vitrine.ready = start();
