// Draws the figures of the report, and unfolds everything for print.
const { figures, whys } = JSON.parse(document.getElementById("drawn").textContent);
const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
const drawn = [];
function add(box, title, figure) {
  const plot = document.createElement("div");
  if (title) {
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    box.append(caption);
  }
  box.append(plot);
  drawn.push([plot, figure]);
}
for (const place of document.querySelectorAll("[data-figures]")) {
  for (const [title, figure] of figures[place.dataset.figures] || []) {
    const box = document.createElement("figure");
    place.append(box);
    add(box, title, figure);
  }
}
for (const box of document.querySelectorAll(".why-figure")) add(box, "", whys[box.dataset.figure]);
for (const [plot, figure] of drawn) {
  const layout = {...figure.layout, font: {color: ink(), family: "system-ui, sans-serif"}};
  Plotly.newPlot(plot, figure.data, layout, {responsive: true, displayModeBar: false});
}
const folded = [];
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details:not([open])")) { one.open = true; folded.push(one); }
  for (const [plot] of drawn) Plotly.relayout(plot, {width: plot.closest(".why-figure, figure:only-child") ? 640 : 310, "font.color": "#1f2933"});
});
addEventListener("afterprint", () => {
  for (const one of folded.splice(0)) one.open = false;
  for (const [plot] of drawn) Plotly.relayout(plot, {width: null, autosize: true, "font.color": ink()});
});
