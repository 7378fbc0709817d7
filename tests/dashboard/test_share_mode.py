"""A dashboard that only shows: nothing changes, whatever is asked for, and nobody looks without the password."""

import os
import re
import subprocess
import sys

import pytest

import dashboard.__main__ as start
from core import explain, jobs, notes, trash
from dashboard import access, sharing
from tests.dashboard import pages

CHANGES = """
import os, pathlib, sys
os.environ["VITRINE_SHARED"] = "1"
from core import config, data, explain, folds, jobs, notes, runs, trash
from core.data import store
from core.evaluation import points
from core.evaluation.operating import OperatingPoint
from dashboard import engine, sharing
from exports import report
run = sys.argv[1]
data.get("digits"), runs.config(run)
sharing.guard(runs.workspace())
before = {path: path.stat().st_mtime_ns for path in runs.workspace().rglob("*") if path.is_file()}
asked = {
    "start": lambda: jobs.start(runs.config(run)),
    "again": lambda: jobs.again(run),
    "process": lambda: jobs.start_process(run),
    "delete": lambda: trash.delete(run),
    "note": lambda: notes.write(run, title="mine"),
    "status": lambda: runs.write_status(run, state="failed"),
    "point": lambda: points.save(run, OperatingPoint(name="mine")),
    "pin": lambda: explain.pin(run, "anything"),
    "data": lambda: store.delete("digits"),
    "rename": lambda: store.rename("digits", "mine"),
    "report": lambda: report.write(run),
    "file": lambda: pathlib.Path(runs.path(run, "config.json")).write_text("gone"),
    "link": lambda: (pathlib.Path(sys.argv[2]) / "config.json").write_text("gone"),
    "engine": lambda: engine.submit(jobs.start, runs.config(run)),
}
for name, change in asked.items():
    try:
        change()
    except (ValueError, OSError) as error:  # some say so in their own words
        assert sharing.REFUSED in str(error)
    else:
        raise AssertionError(f"{name} was not refused")
(runs.workspace() / "cache").mkdir(exist_ok=True)
(runs.workspace() / "cache" / "kept").write_text("fine")
runs.path(run, "explanations", "kept.json").write_text("fine")
pathlib.Path(sys.argv[2] + "-outside").write_text("fine")
after = {path: path.stat().st_mtime_ns for path in before}
assert after == before
"""


@pytest.fixture
def shared(monkeypatch, own_engine):  # noqa: ARG001 (an engine keeps the mode that it was started in)
    """The dashboard of a team, to which this test has the password already."""
    monkeypatch.setenv(sharing.VARIABLE, "1")
    monkeypatch.setattr(access, "gate", lambda: None)
    monkeypatch.setattr(sharing, "guard", lambda _: None)  # a process cannot lose it again


def test_whatever_would_change_the_workspace_is_refused(finished, workspace, tmp_path):
    run = finished["digits"]
    (tmp_path / "way").symlink_to(workspace / "runs" / run)
    done = subprocess.run(
        [sys.executable, "-c", CHANGES, run, str(tmp_path / "way")],
        cwd=jobs.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("name", ["train", "search"])
@pytest.mark.usefixtures("shared")
def test_the_address_of_a_page_that_is_not_there_answers_with_a_sentence(show, finished, name):
    page = show(name, run=finished["digits"])
    assert [info.value for info in page.info] == [sharing.REFUSED] and not page.main.get("button")
    assert pages.links(page) == ["Look at the runs"]


@pytest.mark.parametrize("name", ["runs", "data", "live", "evaluate", "explain", "compare", "share"])
@pytest.mark.usefixtures("shared")
def test_no_page_offers_a_change_or_shows_a_folder_of_this_machine(show, finished, workspace, name):
    page = show(name, run=finished["digits"])
    pages.check(page)
    what_it_computes = re.compile(r"stop-[\d-]+")  # the key of a button that ends what this page itself computes
    buttons = [button for button in page.main.get("button") if not what_it_computes.fullmatch(button.key or "")]
    offered = {button.label for button in buttons}
    forbidden = {"Delete", "Stop", "Star", "Resume", "Run again", "Clone with changes", "Add data", "Add to report"}
    assert not offered & (forbidden | {"Write the report", "Save", "Archive", "Rename"})
    texts = [str(element.value) for kind in ("markdown", "caption", "text", "code") for element in page.get(kind)]
    assert str(workspace) not in "\n".join(texts) and "Train" not in [
        link.label for link in page.sidebar.get("page_link")
    ]


@pytest.mark.usefixtures("shared")
def test_the_engine_computes_what_is_kept_and_nothing_that_changes():
    from core import evaluation
    from core.data import insight
    from exports import pipeline

    assert sharing.computes(explain.explain) and sharing.computes(insight.profile)
    for function in (
        explain.pin,
        explain.unpin,
        evaluation.evaluate,
        pipeline.export_and_prove,
        insight.mend,
        jobs.start,
        notes.write,
        trash.delete,
    ):
        assert not sharing.computes(function)


ENGINE = """
import os, pathlib, sys
os.environ["VITRINE_SHARED"] = "1"
from core import data, explain, runs
from core.data import insight
from core.evaluation import breaking, leaks, similar
from core.explain import _kept
from dashboard import engine, sharing

if __name__ == "__main__":
    run = sys.argv[1]
    dataset = runs.dataset(run)
    before = {path: path.stat().st_mtime_ns for path in runs.workspace().rglob("*") if path.is_file()}
    refused = 0
    for place in ("../config", "../../../gone", "../status.json/../x", "report/../../y"):
        try:
            engine.submit(_kept.write, run, place, [1], {"a": 1}, None).result()
        except (sharing.ReadOnly, OSError):
            refused += 1
    assert refused == 4, refused
    sample = str(runs.predictions(run, "test")[0][0])
    engine.submit(explain.explain, run, sample, "gradcam").result()
    engine.submit(similar.nearest, run, [sample]).result()
    engine.submit(leaks.of_run, run).result()
    engine.submit(insight.profile, dataset.name, dataset.fingerprint[:12]).result()
    after = {path: path.stat().st_mtime_ns for path in before}
    assert after == before
    assert not list(runs.workspace().parent.glob("gone*"))
    print("held")
    engine._holder()["pool"].shutdown()
"""


@pytest.mark.slow
def test_the_engine_writes_nothing_but_what_it_keeps_whatever_it_is_asked(finished, workspace, tmp_path):
    script = tmp_path / "ask.py"
    script.write_text(ENGINE)
    done = subprocess.run(
        [sys.executable, str(script), finished["digits"]],
        env={**os.environ, "VITRINE_WORKSPACE": str(workspace), "PYTHONPATH": str(jobs.ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.stdout.strip().endswith("held"), done.stdout[-500:] + done.stderr[-3000:]


@pytest.mark.usefixtures("shared")
def test_a_sentence_loses_the_folders_of_this_machine(workspace):
    said = f"There is no run x in {workspace}; /home/anna/data/heart.csv and C:\\data\\b.csv are gone, see https://a.b/c/d."
    assert (
        sharing.clean(said) == "There is no run x in the workspace; heart.csv and b.csv are gone, see https://a.b/c/d."
    )


def test_an_own_dashboard_keeps_its_sentences_and_computes_everything(workspace):
    assert sharing.clean(str(workspace)) == str(workspace) and sharing.computes(jobs.start)


# ---------------------------------------------------------------------------------------------------- password


def test_the_password_is_kept_as_a_salted_hash_only():
    stored = access.hashed("open sesame")
    assert "sesame" not in stored and stored != access.hashed("open sesame")
    assert access.fits("open sesame", stored) and not access.fits("open Sesame", stored)


def test_after_some_failures_an_address_waits_longer_and_longer():
    failures, waited = {}, []
    for _ in range(9):
        access.failed(failures, "10.0.0.1", 100.0)
        waited.append(access.waits(failures, "10.0.0.1", 100.0))
    assert waited == [0, 0, 2, 4, 8, 16, 32, 60, 60]
    assert access.waits(failures, "10.0.0.1", 161.0) == 0 and access.waits(failures, "10.0.0.2", 100.0) == 0


@pytest.fixture
def asked(monkeypatch, finished, own_engine):  # noqa: ARG001 (there are runs to be seen)
    """The Runs page of a shared dashboard whose password is "open sesame"."""
    from streamlit.testing.v1 import AppTest

    monkeypatch.setenv(sharing.VARIABLE, "1")
    monkeypatch.setenv(access.VARIABLE, access.hashed("open sesame"))
    monkeypatch.setattr(sharing, "guard", lambda _: None)
    monkeypatch.setattr(access.time, "sleep", lambda _: None)
    access._failures().clear()
    return AppTest.from_file(str(jobs.ROOT / "dashboard" / "app.py"), default_timeout=60).run()


def test_without_the_password_nothing_is_shown(asked):
    assert [title.value for title in asked.title] == ["Vitrine"] and not asked.dataframe
    assert not asked.sidebar.get("page_link")
    asked.text_input[0].set_value("wrong")
    page = asked.button[0].click().run()
    assert "That is not the password" in page.error[0].value and not page.dataframe


def test_with_the_password_the_page_is_shown_that_was_asked_for(asked):
    asked.text_input[0].set_value("open sesame")
    page = asked.button[0].click().run()
    assert [title.value for title in page.title] == ["Runs"] and page.dataframe


def test_a_password_counts_as_wrong_until_it_fits_so_that_many_at_once_are_not_all_tried(asked, monkeypatch):
    meanwhile = []
    monkeypatch.setattr(access, "fits", lambda *_: meanwhile.extend(access._failures().values()) or True)
    asked.text_input[0].set_value("open sesame")
    asked.button[0].click().run()
    assert [times for times, _ in meanwhile] == [1] and not access._failures()


# ---------------------------------------------------------------------------------------------------- starting


def test_the_password_comes_from_the_file_the_environment_or_is_made_up(tmp_path, monkeypatch):
    file = tmp_path / "password"
    file.write_text("from the file\nsecond line\n")
    monkeypatch.setenv("VITRINE_PASSWORD", "from outside")
    assert start.password(file) == ("from the file", False)
    monkeypatch.setenv("VITRINE_PASSWORD", "from outside")
    assert start.password(None) == ("from outside", False) and "VITRINE_PASSWORD" not in os.environ
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    word, made_up = start.password(None)
    assert made_up and len(word) >= 16 and word != start.password(None)[0]


def test_a_short_password_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "password").write_text("short\n")
    with pytest.raises(ValueError, match="The password has 5 letters; give at least 8"):
        start.password(tmp_path / "password")


def test_a_certificate_that_is_none_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "a.pem").write_text("nothing\n")
    with pytest.raises(ValueError, match="TLS needs both --certificate and --key"):
        start.certificate(tmp_path / "a.pem", None)
    with pytest.raises(ValueError, match="are no certificate with its key in PEM"):
        start.certificate(tmp_path / "a.pem", tmp_path / "a.pem")
    with pytest.raises(ValueError, match=r"b\.pem cannot be read \(No such file"):
        start.certificate(tmp_path / "b.pem", tmp_path / "a.pem")


# ---------------------------------------------------------------------------------------------------- logging in


@pytest.mark.parametrize(
    ("email", "verified", "allowed", "expected"),
    [
        ("anna@firm.org", True, ["@firm.org"], True),
        (" Anna@Firm.org", True, ["anna@firm.org"], True),
        ("anna@firm.org.evil.com", True, ["@firm.org"], False),
        ("anna@evilfirm.org", True, ["@firm.org"], False),
        ("firm.org", True, ["@firm.org"], False),
        ("anna@firm.org", False, ["@firm.org"], False),
        ("anna@firm.org", True, [], False),
        ("anna@firm.org", True, None, False),
        (None, True, ["@firm.org"], False),
    ],
)
def test_who_logs_in_may_look_only_if_listed(email, verified, allowed, expected):
    assert access.may_enter(email, verified, allowed) is expected


def test_secrets_say_whether_people_log_in(tmp_path):
    from dashboard.__main__ import by_login

    file = tmp_path / "secrets.toml"
    assert by_login(file) is None
    file.write_text("[other]\nx = 1\n# [auth]\n")
    assert by_login(file) is None
    file.write_text('[auth]\nallowed = ["@firm.org"]\n')
    assert by_login(file) == {"allowed": ["@firm.org"]}
    file.write_text("[auth")
    with pytest.raises(ValueError, match=r"secrets.toml in .* cannot be read"):
        by_login(file)
