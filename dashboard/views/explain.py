"""Explain: why the model decided so for one test sample, and what it uses overall."""

import pathlib

import numpy as np
import pandas as pd
import streamlit as st

from core import explain, runs, words
from core.data import Dataset
from core.evaluation import metrics
from dashboard import engine, pictures, run_page, url
from exports import charts

STRIP = 10  # samples in the strip


def samples(run: str, classes: list[str]) -> pd.DataFrame:
    """Test samples with truth, decision and probability, the wrong ones first, the surest of them on top."""
    ids, targets, logits = runs.predictions(run, "test")
    probability = metrics.softmax(logits)
    table = pd.DataFrame(
        {
            "true": np.array(classes)[targets],
            "predicted": np.array(classes)[logits.argmax(axis=1)],
            "probability": probability.max(axis=1),
        },
        index=ids,
    )
    table["probabilities"] = probability.tolist()
    table["wrong"] = table["true"] != table["predicted"]
    return table.sort_values(["wrong", "probability"], ascending=[False, False], kind="stable")


def choose_sample(table: pd.DataFrame) -> str:
    """The chosen sample's id; it is in the URL (`?sample=`)."""
    asked = st.query_params.get("sample")
    if asked is not None and asked not in table.index:
        st.warning(f"There is no test sample {asked} in this run; this is another one.")

    def label(sample):
        row = table.loc[sample]
        said = f"taken for {row.predicted}" if row.wrong else "right"
        return f"{sample}: {row.true}, {said} ({row.probability:.1%})"

    options = table.index.to_list()
    return url.select("Test sample (wrong ones first)", options, "sample", options[0], format_func=label)


def strip(table: pd.DataFrame, dataset: Dataset) -> None:
    """The first samples as small pictures to click."""
    position = {sample: i for i, sample in enumerate(dataset.ids)}
    with st.container(horizontal=True, gap="small"):
        for sample in table.index[:STRIP]:
            with st.container(width=76, gap=None):
                st.image(pictures.thumbnail(dataset.images[position[sample]]), width=72)
                st.button(
                    words.markdown(words.cut(pathlib.PurePath(sample).stem, 8)),
                    key=f"pick-{sample}",
                    type="tertiary",
                    on_click=lambda sample=sample: st.query_params.update(sample=sample),
                    help=words.markdown(f"{table.loc[sample, 'true']}, said {table.loc[sample, 'predicted']}"),
                )


def explained(run: str, method: str, sample: str | None, target: str | None) -> dict | None:
    """The explanation, kept or computed now; None with the reason on the page if there is none."""
    title = explain.module(method).TITLE
    return explain.kept(run, method, sample, target) or engine.attempt(
        f"Computing {title}", explain.explain, run, method, sample, target
    )


def image_maps(run: str, sample: str, target: str, image: np.ndarray, methods: list[str]) -> None:
    """The picture and, beside it, each method's map."""
    columns = st.columns(1 + len(methods))
    with columns[0]:
        st.markdown("**The image**")
        run_page.chart(charts.picture(image), "picture", f"Test image {sample}")
    for column, method in zip(columns[1:], methods):
        with column:
            module = explain.module(method)
            st.markdown(f"**{module.TITLE}**", help=module.TEXT)
            record = explained(run, method, sample, target)
            if record:
                figure = charts.attribution_map(image, np.array(record["attribution"]))
                run_page.chart(figure, f"map-{method}", f"{module.TITLE} of image {sample} for class {target}")


def row_bars(run: str, sample: str, target: str, dataset: Dataset, method: str) -> None:
    """The row's values and each column's share."""
    where = int(np.flatnonzero(dataset.ids == sample)[0])
    names = [column.name for column in dataset.columns]
    left, right = st.columns([3, 2])
    module = explain.module(method)
    with left:
        name = words.markdown(target)
        st.markdown(f"**{module.TITLE}: what speaks for {name} (orange) and against it (blue)**", help=module.TEXT)
        record = explained(run, method, sample, target)
        if record:
            run_page.chart(
                charts.attribution_bars(names, record["attribution"]), "bars", f"Share of each column for {target}"
            )
    with right:
        st.markdown("**The row**")
        shown = pd.DataFrame({"column": names, "value": [str(dataset.table.iloc[where][name]) for name in names]})
        if record:
            shown.insert(1, "share", np.round(record["attribution"], 3))
            shown = shown.reindex(shown["share"].abs().sort_values(ascending=False).index)
        st.dataframe(shown, hide_index=True, height=480, alt=f"Values of row {sample}")


def whole_model(run: str, dataset: Dataset, method: str) -> None:
    """What the model uses over all validation samples."""
    module = explain.module(method)
    st.subheader("The model as a whole")
    st.markdown(f"**{module.TITLE}**", help=module.TEXT)
    record = explained(run, method, None, None)
    if record:
        names = [column.name for column in dataset.columns]
        figure = charts.attribution_bars(names, record["attribution"], record["std"], per_cent=True)
        run_page.chart(figure, "importance", "Accuracy lost when each column is shuffled")
        st.caption(f"{module.TEXT} Measured on {record['n']} validation rows; the thin lines are standard deviations.")


run = run_page.choose("Explain")
row = run_page.header(run)
run_page.figures(run, row)
schema = runs.schema(run)
dataset = run_page.dataset_of(run)
table = samples(run, list(schema.classes))
methods = explain.available(schema.kind)
for_sample = [method for method in methods if explain.module(method).SCOPE == "sample"]

if schema.kind == "image":
    strip(table, dataset)
left, right = st.columns([3, 2], vertical_alignment="bottom")
with left:
    sample = choose_sample(table)
decision = table.loc[sample]
with right:
    target = st.selectbox(
        "What speaks for",
        schema.classes,
        index=schema.classes.index(decision.predicted),
        key=f"target-{run}-{sample}",
        help="The class whose score is explained; the predicted one unless you choose another.",
    )
said = f"The model says {decision.predicted} ({decision.probability:.1%}) and is "
st.markdown(words.markdown(said + (f"wrong: it is {decision.true}." if decision.wrong else "right.")))
where = int(np.flatnonzero(dataset.ids == sample)[0])
if schema.kind == "image":
    image_maps(run, sample, target, dataset.images[where], for_sample)
else:
    row_bars(run, sample, target, dataset, for_sample[0])
with st.expander("Probability of each class"):
    run_page.chart(
        charts.probabilities(decision.probabilities, list(schema.classes)), "probabilities", "Probability of each class"
    )
with st.expander("How to read this"):
    for method in for_sample:
        st.markdown(f"**{explain.module(method).TITLE}.** {explain.module(method).TEXT}")
for method in methods:
    if explain.module(method).SCOPE == "model":
        whole_model(run, dataset, method)
