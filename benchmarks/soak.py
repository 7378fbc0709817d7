"""Several browser sessions over all pages for minutes, while two runs train: errors, memory, what stays behind.

Every session goes its own random way over the pages, scrolls, and opens what can be opened. Counted: exceptions shown
on a page, errors of the browser, pages that showed nothing, the dashboard's memory by minute, and after `--stop` the
processes that are still there. To reach: no error, memory flat within 10% after the first minutes, nothing left.

What a part of a page needs is loaded when somebody first opens it (SciPy, onnxruntime); that is no growth. So before
the minutes are counted, one session opens every part of every page once.
"""

import argparse
import contextlib
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import psutil
from playwright.sync_api import Error, sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import core
from core import jobs, runs
from tests.browser import chromium
from tests.browser.serving import ROOT, serving
from tests.workspaces import workspace_of

OF_A_RUN = ("live", "evaluate", "explain", "export", "share")
OTHERS = ("runs", "data", "train", "search", "compare")
SHOWN = "[data-testid=stException], [data-testid=stExceptionTraceback]"
WARM = 0.4  # share of the time after which memory is to be flat


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, workspace_of(pathlib.Path(folder, "workspace")) as workspace:
        for name in ("digits", "breast_cancer"):
            core.train(name, epochs=3)
        told, memory, waits, stop = [], [], [], threading.Event()
        with serving(workspace) as address:
            port = address.rsplit(":", 1)[1]
            server = next(p for p in psutil.process_iter(["cmdline"]) if port in (p.info["cmdline"] or []))
            told += open_all(address)
            threading.Thread(target=keep_two_training, args=(stop,), daemon=True).start()
            threading.Thread(target=watch, args=(server, memory, stop), daemon=True).start()
            threading.Thread(target=ask, args=(address, waits, stop), daemon=True).start()
            sessions = [
                threading.Thread(target=session, args=(address, told, stop, asked.seed + i))
                for i in range(asked.sessions)
            ]
            for one in sessions:
                one.start()
            time.sleep(60 * asked.minutes)
            stop.set()
            for one in sessions:
                one.join()
            zombies = [p.pid for p in server.children(recursive=True) if p.status() == psutil.STATUS_ZOMBIE]
            done = subprocess.run(
                [sys.executable, "-m", "dashboard", "--stop"], cwd=ROOT, env=os.environ, capture_output=True, text=True
            )
        others = [p for p in psutil.process_iter(["environ"]) if p.pid != os.getpid()]
        left = [p.pid for p in others if (p.info["environ"] or {}).get("VITRINE_WORKSPACE") == str(workspace)]
        states = [jobs.state(run) for run in runs.names()]
    visits = [row for row in told if row[0] == "visit"]
    faults = [row for row in told if row[0] != "visit"]
    settled = memory[int(len(memory) * WARM) :]
    print(f"{asked.sessions} sessions, {asked.minutes:g} minutes, {len(visits)} pages opened, {len(states)} runs")
    print("memory of the dashboard by minute, MB: " + " ".join(f"{one / 1e6:.0f}" for one in memory[::6]))
    print(f"after {WARM:.0%} of the time: {min(settled) / 1e6:.0f} to {max(settled) / 1e6:.0f} MB")
    print(
        f"the server's answer, asked every second: median {statistics.median(waits):.2f} s, 95% within "
        f"{statistics.quantiles(waits, n=20)[-1]:.2f}, longest {max(waits):.1f}; load {os.getloadavg()[0]:.0f}"
    )
    print(f"errors: {len(faults)}; zombies: {len(zombies)}; left after --stop: {len(left)} ({done.stdout.strip()})")
    print("states of the runs: " + ", ".join(f"{states.count(name)} {name}" for name in sorted(set(states))))
    for fault in faults[:20]:
        print("  ", *fault)
    return bool(faults or zombies or left)


@contextlib.contextmanager
def opened():
    """A page in a Chromium of its own, and what gives its errors."""
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        yield page, chromium.watched(page)
        browser.close()


def open_all(address: str) -> list[tuple[str, str, str]]:
    """Open every page of every run, and every part that a page has; faults as (kind, page, text)."""
    told = []
    with opened() as (page, errors):
        for where in (*OTHERS, *(f"{name}?run={run}" for name in OF_A_RUN for run in runs.names())):
            page.goto(f"{address}/{where}", timeout=60_000)
            page.locator("h1").first.wait_for(timeout=60_000)
            page.wait_for_timeout(1500)
            parts = page.locator("button[role=radio]")
            for i in range(parts.count()):
                with contextlib.suppress(Error):  # a part that the one before it has taken away
                    parts.nth(i).click(timeout=5_000)
                    page.wait_for_timeout(1500)
                told += shown(page, where)
        return told + [("browser", "", error[:200]) for error in errors()]


def shown(page, where: str) -> list[tuple[str, str, str]]:
    """The exception that a page shows, if it does, as (kind, page, text)."""
    found = page.locator(SHOWN)
    return [("exception", where, found.first.inner_text()[:300])] if found.count() else []


def session(address: str, told: list, stop: threading.Event, seed: int) -> None:
    """Walk over the pages until told to stop; notes visits and faults as (kind, page, text)."""
    chance = random.Random(seed)
    with opened() as (page, errors):
        while not stop.is_set():
            names = runs.names()
            where = chance.choice(OF_A_RUN) + f"?run={chance.choice(names)}"
            if chance.random() < 0.4:
                where = chance.choice(OTHERS)
            try:
                page.goto(f"{address}/{where}", timeout=60_000)
                page.locator("h1").first.wait_for(timeout=60_000)
                page.wait_for_timeout(1000 * chance.uniform(1, 4))
                look_around(page, chance)
                told += shown(page, where)
                told.append(("visit", where, ""))
            except Error as error:
                told.append(("nothing shown", where, str(error).split("\n")[0]))
        told += [("browser", "", error[:200]) for error in errors()]


def look_around(page, chance: random.Random) -> None:
    """Scroll, open a fold, choose another part; what is not there is not used."""
    page.mouse.wheel(0, chance.randrange(200, 2000))
    for found in (page.locator("summary"), page.locator("button[role=radio]")):
        if n := found.count():
            one = found.nth(chance.randrange(n))
            if one.is_visible() and one.is_enabled():
                one.click(timeout=30_000)
                page.wait_for_timeout(800)


def keep_two_training(stop: threading.Event) -> None:
    """Start the next run whenever fewer than two are at work."""
    while not stop.wait(1):
        if len(jobs.working()) < 2:
            jobs.start(core.config.suggest(core.data.get("digits"), epochs=40))


def ask(address: str, waits: list[float], stop: threading.Event) -> None:
    """Note every second how long the server needs to say that it is there, in seconds."""
    while not stop.wait(1):
        began = time.monotonic()
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=120).read()
        waits.append(time.monotonic() - began)


def watch(server: psutil.Process, memory: list[int], stop: threading.Event) -> None:
    """Note the dashboard's memory every ten seconds."""
    while not stop.wait(10):
        memory.append(server.memory_info().rss)


if __name__ == "__main__":
    sys.exit(main())
