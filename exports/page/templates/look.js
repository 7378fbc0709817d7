// Small helpers that make what a person sees. All text goes in as text, never as HTML.
const $ = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function percent(share) {
  const text = (100 * share).toFixed(1);
  if (share < 1 && text === "100.0") return ">99.9%";
  return share > 0 && text === "0.0" ? "<0.1%" : `${text}%`;
}

/** A share as a person counts: "93 of 100", "fewer than 1 of 100". */
function ofHundred(share) {
  if (share > 0 && share < 0.005) return "fewer than 1 of 100";
  if (share > 0.995) return share < 1 ? "more than 99 of 100" : "all of 100";
  return `about ${Math.round(100 * share)} of 100`;
}

function listed(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

function shownValue(value) {
  if (value === null || value === "" || Number.isNaN(value)) return "missing";
  if (typeof value !== "number") return value;
  return Math.abs(value) < 10000 ? String(Number(value.toPrecision(6))) : value.toLocaleString("en", { maximumFractionDigits: 1 });
}

/** A bar from 0 to 1 with a name before it, a number after it and, where one is given, a mark. */
function shareBar(name, share, { strong, mark }) {
  const bar = make("div", { class: "track" }, make("div", { class: "fill", style: { width: `${100 * share}%` } }));
  if (mark !== null) bar.append(make("div", { class: "mark", style: { left: `${100 * mark}%` }, title: `said from ${percent(mark)}` }));
  return make("li", { class: strong ? "share strong" : "share" },
    make("span", { class: "name" }, name), bar, make("span", { class: "number" }, percent(share)));
}

/** A bar to the right (for) or to the left (against) of the middle. */
function pullBar(name, value, largest) {
  const width = `${50 * Math.abs(value) / largest}%`;
  const fill = make("div", { class: value >= 0 ? "fill for" : "fill against", style: { width } });
  return make("li", { class: "share pull" },
    make("span", { class: "name" }, name), make("div", { class: "track" }, fill),
    make("span", { class: "number" }, value >= 0 ? "for" : "against"));
}
