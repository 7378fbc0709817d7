"""The operating point panel: thresholds, costs, saying nothing, targets. Its state lives in the URL."""

import dataclasses

import numpy as np
import pandas as pd
import streamlit as st

from core import words
from core.evaluation import operating, points
from core.evaluation.operating import OperatingPoint
from dashboard import actions, answers, sharing, url

TARGETS = {
    "recall": "Recall at least",
    "precision": "Precision at least",
    "false_alarms": "False alarms at most",
}
KEYS = ("threshold", "miss", "alarm", "silent", "thresholds", "costs", "positive")  # of the URL
PANEL = (
    "How probabilities become decisions. What stands beside and below follows it; the figures above, at the top of the "
    "page, are of the most probable class."
)
EDITED = 25  # classes, at most, whose costs and thresholds can be edited here


def panel(run: str, classes: list[str]) -> OperatingPoint:
    """Draw the panel and return the point that is chosen."""
    st.markdown("**Operating point**", help=PANEL)
    saved = _saved(run, classes)
    try:
        point = _two(run, classes) if len(classes) == 2 else _many(classes, saved)
    except ValueError as error:
        st.warning(f"{words.markdown(str(error))} The most probable class is taken.", icon=":material/warning:")
        point = OperatingPoint()
    _keep(run, point)
    return point


def is_changed(point: OperatingPoint, n_classes: int) -> bool:
    """Whether the point decides otherwise than by the most probable class."""
    plain = not point.thresholds or (n_classes == 2 and point.thresholds == (0.5,))
    return not plain or point.abstain_below > 0 or (n_classes > 2 and bool(point.costs))


def _two(run: str, classes: list[str]) -> OperatingPoint:
    positive = url.select("Look for", classes, "positive", classes[1])
    j = classes.index(positive)
    name, other = words.markdown(words.named(positive)), words.markdown(words.named(classes[1 - j]))
    text = f"Say {name} where its probability is at least this."
    threshold = url.slider("Threshold", "threshold", 0.0, 1.0, 0.5, 0.01, help=text)
    silent = _silent()
    left, right = st.columns(2)
    with left:
        miss = url.number("Cost of a miss", "miss", 0.0, 1e9, 1.0, help=f"Saying {other} where it is {name}.")
    with right:
        alarm = url.number("Of an alarm", "alarm", 0.0, 1e9, 1.0, help=f"Saying {name} where it is {other}.")
    costs = np.zeros((2, 2))
    costs[j, 1 - j], costs[1 - j, j] = miss, alarm
    val = validation(run)
    if val is None:
        return OperatingPoint((threshold,), costs, silent, j)
    cheapest = operating.cheapest(val.y_true, val.y_prob, costs, j)
    if cheapest:
        st.button(
            f"Take the cheapest: {cheapest['threshold']:.2f}",
            icon=":material/savings:",
            key="cheapest",
            help="The threshold that costs least on the validation samples.",
            on_click=url.put,
            kwargs={"threshold": cheapest["threshold"]},
            width="stretch",
            wrap=True,
        )
    with st.popover("Meet a target", icon=":material/target:", width="stretch"):
        kind = st.selectbox("Target", list(TARGETS), format_func=TARGETS.__getitem__, key="target-kind")
        level = st.number_input("Share", 0.0, 1.0, 0.01 if kind == "false_alarms" else 0.95, 0.01, key=f"level-{kind}")
        found = operating.meeting(val.y_true, val.y_prob, j, (kind, level))
        if found["threshold"] is None:
            st.warning(words.literal(found["reason"]), icon=":material/warning:")
        else:
            wanted = operating.TARGETS[kind]
            st.caption(
                f"On validation {found['threshold']:.3f} has {kind.replace('_', ' ')} "
                f"{words.percent(found[kind])} and {wanted} {words.percent(found[wanted])}."
            )
            st.button("Take it", key="take-target", on_click=url.put, kwargs={"threshold": found["threshold"]})
    return OperatingPoint((threshold,), costs, silent, j)


def validation(run: str) -> answers.Answers | None:
    """What the run said of validation samples, or None with the reason on the page: nothing is chosen without."""
    try:
        return answers.of(run, "val")
    except (ValueError, LookupError) as error:
        st.warning(f"Nothing can be chosen on validation samples: {words.markdown(str(error))}")
        return None


def _many(classes: list[str], saved: dict[str, OperatingPoint]) -> OperatingPoint:
    silent = _silent()
    n = len(classes)
    thresholds = _numbers(url.asked("thresholds"))
    costs = [_numbers(row) for row in filter(None, url.asked("costs").split(";"))]
    if chosen := saved.get(url.asked("point")):
        thresholds, costs = chosen.thresholds or thresholds, chosen.costs or costs
    point, problem = OperatingPoint((), (), silent), None
    try:
        point = OperatingPoint(thresholds, costs, silent)
        point.fits(n)
    except ValueError as error:
        problem, point = error, OperatingPoint((), (), silent)
    if n > EDITED:
        st.caption(f"Thresholds and costs by class can be edited for at most {EDITED} classes.")
    else:
        _edited(classes, point)
    if problem:
        raise problem
    return point


def _edited(classes: list[str], point: OperatingPoint) -> None:
    """Tables of the thresholds and of the costs, each taken with a click."""
    n = len(classes)
    with st.popover("Thresholds", icon=":material/tune:", width="stretch"):
        st.caption("Of the classes, the one whose probability is the largest multiple of its threshold is said.")
        first = point.thresholds if len(point.thresholds) == n else [1.0] * n
        rows = pd.DataFrame({"Class": classes, "Threshold": first})
        made = st.data_editor(
            rows,
            hide_index=True,
            disabled=["Class"],
            key="edit-thresholds",
            column_config={
                "Threshold": st.column_config.NumberColumn(min_value=0.0, max_value=1.0, step=0.01, required=True)
            },
        )
        st.button("Take these", key="take-thresholds", on_click=_take_thresholds, args=(made["Threshold"].tolist(),))
    with st.popover("Costs", icon=":material/savings:", width="stretch"):
        st.caption("Row: the truth. Column: what is said. The class that is expected to cost least is said.")
        matrix = np.array(point.costs)[:, :n] if point.costs else 1 - np.eye(n)
        made = st.data_editor(
            pd.DataFrame(matrix, index=classes, columns=words.distinct(classes)), key="edit-costs", width="stretch"
        )
        st.button("Take these", key="take-costs", on_click=_take_costs, args=(made.to_numpy().tolist(),))


def _silent() -> float:
    return url.slider(
        "Say nothing below",
        "silent",
        0.0,
        1.0,
        0.0,
        0.01,
        help="Where the most probable class is less sure than this, nothing is said and a person decides.",
    )


def _take_thresholds(values: list[float | None]) -> None:
    values = [1.0 if value is None or np.isnan(value) else value for value in values]
    plain = len(set(values)) == 1
    url.put(thresholds=None if plain else ",".join(f"{value:g}" for value in values), point=None)


def _take_costs(rows: list[list[float | None]]) -> None:
    rows = np.nan_to_num(np.array(rows, float)).tolist()  # an emptied cell costs nothing
    plain = np.array_equal(rows, 1 - np.eye(len(rows)))
    url.put(costs=None if plain else ";".join(",".join(f"{v:g}" for v in row) for row in rows), point=None)


def _saved(run: str, classes: list[str]) -> dict[str, OperatingPoint]:
    """The points saved with the run that fit its classes; choosing one fills the panel."""
    if problem := st.session_state.pop("point-problem", None):
        st.error(words.markdown(problem), icon=":material/error:")
    try:
        known, now = points.saved(run), points.used(run)
    except (ValueError, LookupError) as error:
        st.error(words.markdown(str(error.args[0])), icon=":material/error:")
        return {}
    fitting = {name: point for name, point in known.items() if _fits(point, len(classes))}
    if len(fitting) < len(known):
        st.warning(f"{words.count(len(known) - len(fitting), 'saved point')} not of these classes: left out here.")
    if not fitting:
        return {}
    chosen = st.selectbox(
        "Saved points",
        ["", *fitting],
        key="saved-point",
        format_func=lambda name: name or "Saved points",
        label_visibility="collapsed",
    )
    st.caption(f"In use: {words.markdown(words.cut(now.name, 40))}" if now else "In use: the most probable class")
    if chosen:
        with st.container(horizontal=True):
            st.button("Open", key="open-point", on_click=_open, args=(fitting[chosen], classes))
            if not sharing.read_only():
                about = "Decide by it, in exports too."
                st.button("Use", key="use-point", on_click=_change, args=(points.use, run, chosen), help=about)
                st.button("Delete", key="delete-point", on_click=_change, args=(points.delete, run, chosen))
    return fitting


def _fits(point: OperatingPoint, n_classes: int) -> bool:
    try:
        point.fits(n_classes)
    except ValueError:
        return False
    return n_classes != 2 or len(point.thresholds) == 1


def _change(function, run: str, name: str) -> None:
    """Change what is saved; what goes wrong, as another window was faster, is said on the page that comes next."""
    try:
        function(run, name)
    except (ValueError, LookupError, OSError) as error:
        st.session_state["point-problem"] = str(error.args[0]) if len(error.args) == 1 else str(error)


def _open(point: OperatingPoint, classes: list[str]) -> None:
    url.put(**{**dict.fromkeys(KEYS), "silent": point.abstain_below or None})
    if len(classes) == 2 and point.thresholds:
        j = point.positive
        url.put(positive=classes[j], threshold=point.thresholds[0])
        if point.costs:
            url.put(miss=point.costs[j][1 - j], alarm=point.costs[1 - j][j])
    elif point.name:
        url.put(point=point.name)


def _keep(run: str, point: OperatingPoint) -> None:
    """Save the point by a name; it is used from then on, in what is exported too."""
    if sharing.read_only():
        return
    with st.popover("Save this point", icon=":material/save:", width="stretch"):
        name = st.text_input("Name", key="point-name", max_chars=points.LONGEST, placeholder="Cheap and safe")
        st.caption("It is kept with the run, and the exported file decides by it.")
        asked = st.button("Save", key="save-point", type="primary")  # also while the name is typed: one click is enough
        if asked and actions.attempt(points.save, run, dataclasses.replace(point, name=name.strip())):
            st.toast(f"Saved as {words.markdown(name.strip())}")
            st.rerun()


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part)
    except ValueError:
        return ()


def cheapest_sentence(run: str, part: str, point: OperatingPoint, classes: list[str], thing: str) -> str:
    """What the cheapest threshold of validation comes to on the samples of `part`; "" if it is the one in use."""
    try:
        val = answers.of(run, "val")
    except (ValueError, LookupError):  # said in the panel
        return ""
    found, j = answers.of(run, part), point.positive
    best = operating.cheapest(val.y_true, val.y_prob, point.costs, j)
    costs = {point.costs[j][1 - j], point.costs[1 - j][j]}
    if best is None or len(costs) == 1 or abs(best["threshold"] - point.thresholds[0]) < 1e-6:
        return ""
    there = dataclasses.replace(point, thresholds=(best["threshold"],))
    outcome = operating.outcome(found.y_true, operating.decide(found.y_prob, there), there, 2)
    cost, recall = outcome["cost"], outcome["per_class"][j]["recall"]
    return (
        f"The threshold that costs least on validation is {best['threshold']:.2f}: here it costs {cost['value']:.3g} "
        f"({cost['low']:.3g} to {cost['high']:.3g}) for each {thing}, and finds {words.interval(recall)} of "
        f"{words.markdown(words.named(classes[j]))}."
    )


def sentence(found: dict, point: OperatingPoint, classes: list[str], thing: str, in_test: bool = True) -> str:
    """What deciding by the point comes to on some samples, `found` as of `operating.outcome`."""
    text = f"Of {words.count(found['n'], f'test {thing}' if in_test else thing)}"
    if not found["n_answered"]:
        return f"{text}, all are left to a person."
    if found["n_answered"] < found["n"]:
        text += f", {found['n'] - found['n_answered']:,} are left to a person; of the others"
    here = " at this point" if is_changed(point, len(classes)) else ""  # the figures at the top of the page are not
    text += f" {words.interval(found['accuracy'])} are right{here}."
    if len(classes) == 2:
        j = point.positive
        row, table = found["per_class"][j], found["confusion"]
        missed, alarms = table[j][1 - j], table[1 - j][j]
        n_other = sum(table[1 - j])
        name = words.markdown(words.named(classes[j], start=True))
        text += (
            f" {name}: recall {words.interval(row['recall'])}, precision "
            f"{words.interval(row['precision'])}; {missed:,} of {sum(table[j]):,} missed, "
            f"{words.count(alarms, 'false alarm')} in {n_other:,}."
        )
    if found["cost"]["value"] is not None and point.costs:
        cost = found["cost"]
        text += f" Cost for each {thing}: {cost['value']:.3g} ({cost['low']:.3g} to {cost['high']:.3g}), "
        counted = found["n"] if len(point.costs[0]) > len(classes) else found["n_answered"]
        text += f"{cost['value'] * counted:,.6g} in all."
    return text
