"""Evaluate: how good the run is on test samples that it never saw."""

import numpy as np
import pandas as pd
import streamlit as st

from core import runs, words
from core.evaluation import metrics
from dashboard import run_page, url
from exports import charts


def headline(test: dict) -> None:
    """The figures that sum it up."""
    with st.container(horizontal=True):
        st.metric("Accuracy", words.percent(test["accuracy"]["value"]), width=150, help="Share of right decisions.")
        auroc = test["auroc"]["macro"]
        st.metric(
            "AUROC",
            words.area(auroc),
            width=150,
            help="Chance that a sample of a class gets a higher score for it than one of another class; mean of all "
            "classes. 0.5 is a guess, 1 is perfect.",
        )
        f1 = test["macro"]["f1"]
        st.metric("F1 (macro)", words.percent(f1), width=150, help="Precision and recall in one, mean of all classes.")
        st.metric(
            "Log loss",
            f"{test['log_loss']:.3f}",
            width=150,
            help="How surprised the model is by the truth, on average; 0 is perfect.",
        )


def confusion(counts, classes: list[str]) -> None:
    st.markdown("**Confusion matrix**")
    run_page.chart(
        charts.confusion_matrix(counts, classes).update_layout(height=400),
        "confusion",
        "Confusion matrix: truth by row, decision by column",
    )
    st.caption("Each row is a true class; off the diagonal are the mistakes.")


def curves(test: dict) -> None:
    roc, precision_recall, calibration = st.tabs(["ROC", "Precision and recall", "Calibration"])
    with roc:
        run_page.chart(
            charts.roc(test["roc"], test["auroc"], test["classes"]), "roc", "ROC curves of each class against the rest"
        )
        st.caption("The closer to the upper left corner, the better. The number is the area under the curve.")
    with precision_recall:
        run_page.chart(
            charts.precision_recall(test["precision_recall"], test["average_precision"], test["classes"]),
            "precision-recall",
            "Precision/recall curves of each class against the rest",
        )
        st.caption("The closer to the upper right corner, the better. The number is the average precision.")
    with calibration:
        before = test.get("calibration_uncorrected")
        run_page.chart(charts.reliability(test["calibration"], before), "calibration", "Accuracy by confidence")
        text = "On the dotted line the model is right as often as it says. Larger points are more samples."
        if before:
            text += (
                " This run drew or weighted rare classes more; its probabilities are corrected back to the shares "
                "of the classes in the data."
            )
        st.caption(text)


def class_table(rows: list[dict]) -> None:
    st.markdown("**Class by class**")
    table = pd.DataFrame(
        {
            "Class": [row["class"] for row in rows],
            "Precision": [words.percent(row["precision"]) for row in rows],
            "Recall": [words.percent(row["recall"]) for row in rows],
            "F1": [words.percent(row["f1"]) for row in rows],
            "Test samples": [row["support"] for row in rows],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        height=min(38 + 35 * len(rows), 425),
        column_config={
            "Precision": st.column_config.TextColumn(help="Of those called this class, the share that is."),
            "Recall": st.column_config.TextColumn(help="Of those that are this class, the share that is called so."),
        },
        alt="Precision, recall, F1 and number of test samples of each class",
    )


@st.fragment
def two_classes(test: dict, y_true: np.ndarray, logits: np.ndarray) -> None:
    """A threshold that moves the confusion matrix and the figures that follow from it."""
    classes = test["classes"]
    controls, matrix, figures = st.columns([2, 3, 3])
    with controls:
        st.markdown("**Operating point**")
        positive = url.select("Look for", classes, "positive", classes[1])
        j = classes.index(positive)
        name, other = words.markdown(positive), words.markdown(classes[1 - j])
        text = f"Say {name} where its probability is at least this."
        threshold = url.slider("Threshold", "threshold", 0.0, 1.0, 0.5, 0.01, help=text)
        counts = metrics.confusion_at(y_true, metrics.softmax(logits)[:, j], j, threshold)
        rows = metrics.class_table(counts, classes)
        st.metric(f"Recall of {name}", words.percent(rows[j]["recall"]))
        st.metric(f"Precision of {name}", words.percent(rows[j]["precision"]))
        st.metric("Accuracy", words.percent(counts.trace() / counts.sum()))
        missed, false_alarms = int(counts[j, 1 - j]), int(counts[1 - j, j])
        st.caption(
            f"At {threshold:.2f}: {missed} of {rows[j]['support']} {name} missed, "
            f"{words.count(false_alarms, 'false alarm')} in {rows[1 - j]['support']} {other}."
        )
    with matrix:
        confusion(counts, classes)
    with figures:
        curves(test)
    class_table(rows)


run = run_page.choose("Evaluate")
row = run_page.header(run)
record = run_page.figures(run, row)
test = record["test"]
headline(test)
if len(test["classes"]) == 2:
    two_classes(test, *runs.predictions(run, "test")[1:])
else:
    left, right = st.columns(2)
    with left:
        confusion(test["confusion"], test["classes"])
    with right:
        curves(test)
    class_table(test["per_class"])
st.caption(
    f"Epoch {record['epoch']} was chosen on {record['val']['n']} validation samples, where its accuracy is "
    f"{words.interval(record['val']['accuracy'])}. All figures above are from {test['n']} test samples"
    + (", read from their original files." if record.get("pixels") == "original" else ".")
)
