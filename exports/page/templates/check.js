// The self-test: the model is asked what PyTorch was asked when the file was made, and the answers are compared.
const SCALED = ["logits", "embedding", "explanation"]; // as far apart as their own size allows

async function selfTest() {
  const test = facts.self_test;
  if (!test) return { passed: null, sentence: "This file carries no self-test, so it cannot be checked here." };
  const differ = new Set();
  let largest = 0, n = 0;
  for (const { inputs, outputs } of test.cases) {
    const got = await ask(inputs, Object.keys(outputs));
    const near = nearlyEqual(values(outputs.probabilities), outputs.probabilities.dims, 2 * test.tolerance);
    n += outputs.probabilities.dims[0];
    for (const [name, expected] of Object.entries(outputs)) {
      const own = got[name].data, told = values(expected);
      if (own.length !== told.length) { differ.add(name); continue; }
      const width = own.length / expected.dims[0];
      if (expected.type === "float32") {
        const allowed = name === "outlier" ? Math.max(test.tolerance, 0.02) : test.tolerance;
        for (let i = 0; i < own.length; i++) {
          const apart = Math.abs(own[i] - told[i]) / (SCALED.includes(name) ? Math.max(1, Math.abs(told[i])) : 1);
          if (!(apart <= allowed)) differ.add(name); // NaN is not
          if (name === "probabilities") largest = Math.max(largest, Number.isNaN(apart) ? Infinity : apart);
        }
      } else {
        for (let i = 0; i < expected.dims[0]; i++) {
          const mine = Array.from(own.slice(i * width, (i + 1) * width)), theirs = Array.from(told.slice(i * width, (i + 1) * width));
          const other = mine.some((value, j) => value != theirs[j]); // numbers of two sizes may be compared here
          if (other && !near[i]) differ.add(name);
        }
      }
    }
  }
  const passed = differ.size === 0;
  const sentence = passed
    ? `Checked in this browser: it gives the same answers as PyTorch gave where it was made (${n} inputs, ${alike(largest)}).`
    : `Checked in this browser: it does not give the answers that PyTorch gave where it was made (${[...differ].join(", ")} differ). Do not rely on it here.`;
  return { passed, sentence, largest, n };
}

function alike(largest) {
  const places = largest > 0 ? Math.floor(-Math.log10(largest)) : 7;
  return `their probabilities agree to ${Math.min(7, places)} decimal places`;
}

function values({ type, data }) {
  return type === "string" ? data : new KINDS[type](bytesOf(data).buffer);
}

/** For each row whether its two largest values are as near as that: then a decision may go either way. */
function nearlyEqual(flat, [n, width], distance) {
  return Array.from({ length: n }, (_, i) => {
    const row = Array.from(flat.slice(i * width, (i + 1) * width)).sort((a, b) => b - a);
    return width > 1 && row[0] - row[1] <= distance;
  });
}
