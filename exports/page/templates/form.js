// A row of a table: one field per column, and back to what the model takes.
const MOST_CHOICES = 300; // of a list that drops down; a longer one is typed

/** The row of a form: {input name: number, text, or null where nothing is given}. */
function rowOf(fields) {
  return Object.fromEntries(facts.inputs.map((input, j) => {
    const { value } = fields[j];
    if (input.role !== "number") return [input.name, value];
    return [input.name, value.trim() === "" ? null : Number(value)];
  }));
}

function feedsOf(row) {
  return Object.fromEntries(facts.inputs.map(({ name, type }) => {
    const value = row[name];
    return [name, { type, dims: [1], data: [type === "string" ? value ?? "" : value === null ? NaN : Number(value)] }];
  }));
}

function makeFields(changed) {
  return facts.inputs.map((input, j) => {
    const id = `field-${j}`;
    const field = fieldOf(input, id);
    field.addEventListener("input", () => { warn(input, field); changed(); });
    const hint = make("small", { id: `${id}-hint` }, hintOf(input));
    field.setAttribute("aria-describedby", `${id}-hint`);
    $("fields").append(make("div", { class: "field" }, make("label", { for: id }, input.column), field, hint));
    return field;
  });
}

function fieldOf(input, id) {
  if (input.role === "number") return make("input", { id, type: "number", step: "any", placeholder: "missing" });
  if (input.role === "date") return make("input", { id, type: "date" });
  const choices = input.categories || [];
  if (choices.length > MOST_CHOICES) return make("input", { id, type: "text", placeholder: "missing" });
  return make("select", { id }, make("option", { value: "" }, "missing"), ...choices.map((name) => make("option", { value: name }, name)));
}

function hintOf(input) {
  if (!input.range || input.range[0] === null) return input.role === "category" ? "" : "any";
  const [low, high] = input.role === "date" ? input.range.map((end) => end.slice(0, 10)) : input.range.map(shownValue);
  return low === high ? `seen in training: ${low}` : `seen in training: ${low} to ${high}`;
}

/** Say beside a field that a value lies outside of what the model was trained on. */
function warn(input, field) {
  const given = input.role === "number" ? Number(field.value) : field.value;
  const [low, high] = input.range || [null, null];
  const outside = field.value !== "" && low !== null && (given < low || given > high);
  field.classList.toggle("outside", outside);
  $(`${field.id}-hint`).textContent = (outside ? "outside of what it was trained on; " : "") + hintOf(input);
}

function fill(fields, row) {
  facts.inputs.forEach((input, j) => {
    const value = row[input.name] ?? "";
    const field = fields[j];
    if (input.role === "date") putDate(field, String(value));
    else field.value = typeof value === "number" ? shortest(value) : value;
    if (field.tagName === "SELECT" && field.selectedIndex < 0) {
      field.append(make("option", { value }, `${value} (not seen in training)`));
      field.value = value;
    }
    warn(input, field);
  });
}

/** A date, or a date with its time where it has one; the field asks for the time then. */
function putDate(field, text) {
  const iso = text.replace(" ", "T").slice(0, 19);
  Object.assign(field, iso.includes("T") ? { type: "datetime-local", step: "1" } : { type: "date" });
  field.value = iso;
}

/** The shortest number that the model, which reads float32, takes for the same. */
function shortest(value) {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}
