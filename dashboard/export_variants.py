"""Smaller and faster files on the Export page: made at a click, measured, judged by a margin, offered."""

from typing import Any

import pandas as pd
import streamlit as st

from core import runs, words
from core.words import markdown
from dashboard import drawing, engine, export_certificate, sharing, url
from exports import variants
from exports.charts import variants as variant_charts
from exports.variants import verdicts

VERDICTS = {None: "", "equivalent": "as accurate", "better": "more accurate", "worse": "less accurate"}
VERDICTS["unknown"] = "cannot be told"


def section(run: str) -> None:
    """The button, and once they were made: the sentence, the figure, the table, the downloads."""
    st.header("Smaller and faster", anchor=False)
    record = _stored(run)
    if record is None:
        st.markdown(
            "The same net in 16-bit floats and in 8 bits: each is made from model.onnx, then measured beside it for "
            "size, time, accuracy and decisions that change."
        )
    margin = _margin()
    if not sharing.read_only():
        label = "Make and measure variants" if record is None else "Measure again"
        if st.button(label, icon=":material/speed:", key="make-variants") and engine.attempt(
            "Making smaller files and measuring them", variants.make, run, variants.NAMES, margin
        ):
            st.rerun()
    elif record is None:
        st.caption("None has been made yet.")
    if record is None:
        return
    export_certificate.whole("The comparison of variants", _shown, run, record, margin)


def _stored(run: str) -> dict | None:
    try:
        return variants.stored(run)
    except runs.DamagedRun:
        return None


def _shown(run: str, record: dict, margin: float) -> None:
    record = verdicts.judged(record, margin)
    st.markdown(f"**{markdown(verdicts.sentence(record))}**")
    batch, threads = _condition(record)
    st.dataframe(_table(record, batch, threads), hide_index=True, alt="Each variant: size, time, accuracy, verdict")
    with st.container(width=760):
        drawing.chart(
            variant_charts.choice(record, batch, threads),
            "variants",
            "Accuracy of each file by the time of an answer; larger points are larger files",
        )
    st.caption(
        "To the left is faster, up is more accurate, smaller points are smaller files; bars are 95% intervals of the "
        "accuracy. Times of all files were taken in turn on this machine, preprocessing included."
    )
    for row in record["variants"]:
        said = row.get("error") or (row.get("equivalence") or {}).get("sentence")
        if said:
            st.markdown(f"- {markdown(said)}{markdown(_kept(row))}")
    _downloads(run, record)


def _margin() -> float:
    points = url.number(
        "Difference of accuracy that does not matter, in points",
        "margin",
        0.1,
        50.0,
        100 * variants.MARGIN,
        step=0.5,
        format="%.1f",
        help="A variant counts as accurate as model.onnx if the 90% interval of the difference lies within this.",
        width=340,
    )
    return points / 100


def _condition(record: dict) -> tuple[int, int]:
    timed = [(one["batch"], one["threads"]) for one in record["variants"][0]["latency"]]
    names = {f"{words.count(b, 'sample')} at once, {words.count(t, 'thread')}": (b, t) for b, t in timed}
    first = next(iter(names))
    return names[url.select("Timed", list(names), "timed", first, width=340)]


def _table(record: dict, batch: int, threads: int) -> pd.DataFrame:
    rows = [row for row in record["variants"] if "error" not in row]
    timed: list[Any] = [variant_charts.latency(row, batch, threads) for row in rows]
    base = rows[0]
    return pd.DataFrame(
        {
            "File": [row["name"] for row in rows],
            "Verdict": [VERDICTS[(row.get("equivalence") or {}).get("answer")] for row in rows],
            "Size": [f"{words.size(row['bytes'])} ({row['bytes'] / base['bytes']:.0%})" for row in rows],
            "Median": [_milliseconds(one["median"]) for one in timed],
            "95% within": [_milliseconds(one["p95"]) for one in timed],
            "Speed": [f"{timed[0]['median'] / one['median']:.2f}x" for one in timed],
            "Test accuracy": [words.interval(row["accuracy"]) for row in rows],
            "Decisions changed": [f"{row['changed']:,} of {record['n']:,}" for row in rows],
            "Samples per second": [f"{one['throughput']:,.0f}" for one in timed],
            "Opens in": [_milliseconds(row["load_seconds"]) for row in rows],
        }
    )


def _kept(row: dict) -> str:
    kept = row.get("kept")
    return f" Kept in floats, as they change most: {', '.join(kept)}." if kept else ""


def _downloads(run: str, record: dict) -> None:
    """Files that are as accurate; the others only for those who ask."""
    rows = [row for row in record["variants"] if row.get("equivalence")]
    good = [row for row in rows if row["equivalence"]["answer"] in ("equivalent", "better")]
    other = [row for row in rows if row not in good]
    offered = list(good)
    if other and st.checkbox(
        f"Also offer {' and '.join(row['name'] for row in other)}, not shown to be as accurate", key="unequal"
    ):
        offered += other
    with st.container(horizontal=True):
        for row in offered:
            path = runs.path(run, "exports", row["file"])
            if not path.exists():
                continue
            mark = "" if row in good else "-not-shown-equal"
            st.download_button(
                f"Download {row['name']} ({words.size(row['bytes'])})",
                path.read_bytes(),
                file_name=f"{run[11:]}-{row['name'].replace(' ', '-')}{mark}.onnx",
                mime="application/octet-stream",
                icon=":material/download:" if row in good else ":material/warning:",
                on_click="ignore",
                key=f"download-{row['name']}",
            )


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"
