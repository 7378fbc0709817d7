"""Hostile input: how many cases end well, by kind; and fuzzing of each parser that is ours.

    python benchmarks/fuzz.py --part cases                         a table: kind, cases, read, refused, faults
    python benchmarks/fuzz.py --parser filter --minutes 10         one parser; without --parser each in turn

Fuzzing is guided by coverage where `atheris` can be imported, else inputs are made up by hypothesis. atheris is kept
out of the project's environment: make another one with the same Python, install atheris and hypothesis there, and run
this with it; what the project needs is taken from .venv.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import site
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
for packages in ROOT.glob(".venv/lib/python*/site-packages"):
    site.addsitedir(str(packages))


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--part", choices=("cases", "fuzz"), default="fuzz")
    asked.add_argument("--parser", default="", help="one of the parsers; default: each in turn")
    asked.add_argument("--minutes", type=float, default=1.0, help="for each parser")
    asked.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.part == "cases":
        return cases()
    if given.inside:
        return fuzz(given.parser, given.minutes)
    from tests.hostile import parsers

    names = [given.parser] if given.parser else list(parsers.PARSERS)
    if unknown := set(names) - set(parsers.PARSERS):
        sys.exit(f"There is no parser {', '.join(unknown)}; there are {', '.join(parsers.PARSERS)}.")
    print(f"{'parser':10} {'inputs':>12} {'minutes':>8}  findings", flush=True)
    failed = 0
    for name in names:
        start = time.time()
        n, finding = _in_a_process(name, given.minutes)
        print(f"{name:10} {n:>12,} {(time.time() - start) / 60:>8.1f}  {finding or 'none'}", flush=True)
        failed += bool(finding)
    return failed


def cases() -> int:
    """Each hostile case, judged as the tests do."""
    from tests.hostile import archives, judging, onnx_files, pictures, settings, tables, weights_files

    print(f"{'kind':14} {'cases':>6} {'read':>6} {'refused':>8} {'faults':>7}")
    total = collections.Counter()
    for kind in (tables, archives, pictures, weights_files, onnx_files, settings):
        counts = collections.Counter()
        for case in kind.CASES:
            with tempfile.TemporaryDirectory() as folder:
                os.environ["VITRINE_WORKSPACE"] = f"{folder}/workspace"
                try:
                    judging.must_end_well(case, pathlib.Path(folder))
                    counts["read" if case.right == judging.READ else "refused"] += 1
                except BaseException as error:
                    if isinstance(error, KeyboardInterrupt):
                        raise
                    counts["fault"] += 1
                    print(f"  {case.name}: {str(error)[:150]}")
        _row(kind.__name__.rpartition(".")[2].replace("_", " "), counts)
        total += counts
    _row("all", total)
    return total["fault"]


def fuzz(name: str, minutes: float) -> int:
    """One parser until the time is over; the first fault ends it. Prints how many inputs were tried."""
    try:
        import atheris
    except ImportError:
        atheris = None
    with atheris.instrument_imports(include=["core", "exports", "dashboard"]) if atheris else contextlib.nullcontext():
        from tests.hostile import parsers, seeds

    parse, tried = parsers.PARSERS[name], 0
    end = time.time() + 60 * minutes

    def once(data: bytes) -> None:
        nonlocal tried
        tried += 1
        try:
            parse(data)
        except BaseException:
            if sys.exc_info()[0] is not KeyboardInterrupt:
                print(f"inputs {tried}\nfinding {data[:300]!r}\n{traceback.format_exc()[-3000:]}", flush=True)
            os._exit(1)
        if tried % 1000 == 0 or time.time() > end:
            print(f"inputs {tried}", flush=True)
        if time.time() > end:
            os._exit(0)

    if atheris is None:
        return _made_up(name, once)
    with tempfile.TemporaryDirectory() as folder:
        for i, seed in enumerate(seeds.SEEDS[name]):
            (pathlib.Path(folder) / str(i)).write_bytes(seed)
        words = pathlib.Path(folder).with_suffix(".dict")
        words.write_text("\n".join(map(_as_bytes, seeds.WORDS.get(name, []))))
        known = [f"-dict={words}"] if name in seeds.WORDS else []
        atheris.Setup([sys.argv[0], *known, "-max_len=4096", "-rss_limit_mb=6000", folder], once)
        atheris.Fuzz()
    return 0


def _as_bytes(word: str) -> str:
    """A word as a line of a fuzzer's dictionary."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"'


def _made_up(name: str, once) -> int:
    """As `fuzz`, of inputs that hypothesis makes up, which are not guided by coverage."""
    from hypothesis import HealthCheck, given, settings

    from tests.hostile.test_parsers import inputs

    checks = list(HealthCheck)

    @settings(max_examples=10**9, deadline=None, database=None, suppress_health_check=checks)
    @given(inputs(name))
    def check(data):
        once(data)

    check()
    return 0


def _in_a_process(name: str, minutes: float) -> tuple[int, str]:
    """How many inputs were tried, and the finding, "" if there is none. A crash of the process is one, too."""
    command = [sys.executable, __file__, "--inside", "--parser", name, "--minutes", str(minutes)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", cwd=ROOT)
    lines = done.stdout.splitlines()
    n = max((int(line.split()[1]) for line in lines if line.startswith("inputs ")), default=0)
    if done.returncode == 0:
        return n, ""
    print(done.stdout[-3500:], done.stderr[-1500:], sep="\n", flush=True)
    found = [line for line in lines if line.startswith("finding ")]
    return n, found[0][:100] if found else f"the process ended with {done.returncode}"


def _row(kind: str, counts: collections.Counter) -> None:
    print(
        f"{kind:14} {sum(counts.values()):>6} {counts['read']:>6} {counts['refused']:>8} {counts['fault']:>7}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
