"""What the tests of pages share: their names, runs in every state, and what a person may be shown."""

import contextlib
import re

import numpy as np

from core import config, data, jobs, runs
from dashboard import frame

PAGES = ("runs", "data", "train", "search", "live", "evaluate", "explain", "compare", "export", "share")
OF_A_RUN = ("live", "evaluate", "explain", "export", "share")
ROW = {"train_loss": 0.9, "train_accuracy": 0.6, "val_loss": 0.8, "val_accuracy": 0.7, "lr": 0.003}


def first_sample(run: str) -> str:
    """The sample that the Explain page shows first: of the wrong ones the surest, else of the right ones."""
    ids, targets, logits = runs.predictions(run, "test")
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = logits.argmax(axis=1) != targets
    return ids[np.lexsort((-probability.max(axis=1), ~wrong))[0]]


def make(n_epochs_done=0, name="digits", **status) -> str:
    """A run without a process, with so many rows of history."""
    dataset = data.get(name)
    run = runs.create(config.suggest(dataset, epochs=9, device="cpu"), dataset.schema, dataset.fingerprint)
    rows = [{"epoch": epoch + 1, **ROW, "samples_per_second": 1000.0, "seconds": 1.0} for epoch in range(n_epochs_done)]
    runs.append_rows(runs.path(run, "history.jsonl"), rows)
    runs.write_status(run, **status)
    return run


def failed() -> str:
    run = make(state="failed", message="The loss is not a number; lower the learning rate.", started=1.0, ended=2.0)
    runs.path(run, "log.txt").write_text("Traceback of <b>something</b>\n")
    return run


def stopped() -> str:
    facts = {"best_epoch": 2, "val_accuracy": 0.7, "started": 1.0, "ended": 2.0}
    return make(3, state="stopped", message="Stopped by request.", **facts)


def stopped_at_once() -> str:
    return make(state="stopped", message="Stopped by request.", ended=2.0)


def lost() -> str:
    return make(3, state="running", phase="training", best_epoch=2, val_accuracy=0.7, started=1.0)


def queued_for_long() -> str:
    return make(created=1.0)


def damaged() -> str:
    run = stopped()
    runs.path(run, "status.json").write_text('{"state": "do')
    return run


def without_config() -> str:
    run = stopped()
    runs.path(run, "config.json").write_text("[]")
    return run


def queued() -> str:
    return make()


OVER = (failed, stopped, stopped_at_once, lost, queued_for_long, damaged, without_config)


@contextlib.contextmanager
def at_work(n_epochs_done=0, **status):
    """A run that says it is running while a process, this one, holds its lock."""
    run = make(n_epochs_done, state="running", started=1.0, **status)
    with jobs.alive(run):
        yield run


def is_sentence(text: str) -> bool:
    return re.search(r"^\S+( \S+){3,}[.?)]$", text, flags=re.DOTALL) is not None


def check(page) -> None:
    """No traceback on the page, and each error on it is a sentence for people."""
    assert not page.exception, [error.message for error in page.exception]
    for error in (*page.error, *page.warning):
        assert is_sentence(error.value), error.value
        assert frame.WHY not in unescaped(error.value), error.value  # what stands in place of a traceback


def unescaped(text: str) -> str:
    """Markdown whose signs were escaped, as a person reads it."""
    return re.sub(r"\\([^A-Za-z0-9\s])", r"\1", text)


def html(page) -> str:
    """The page's own HTML."""
    return "\n".join(element.value for element in page.main.get("html"))


def metric(page, label: str) -> str:
    (found,) = [metric.value for metric in page.metric if metric.label == label]
    return found


def box(page, label: str):
    (found,) = [widget for widget in page.selectbox if widget.label == label]
    return found


def button(page, label: str):
    (found,) = [widget for widget in page.button if widget.label == label]
    return found


def below_header(page) -> list:
    """The buttons of a run's page, without those of its header, which every such page has."""
    return [
        widget for widget in page.button if not (widget.key or "").removeprefix("FormSubmitter:").startswith("header-")
    ]


def links(page) -> list[str]:
    return [link.label for link in page.main.get("page_link")]
