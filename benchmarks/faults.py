"""Campaigns of accidents: damaged files, kill -9, full disks, many at once, read-only disks; counts of what was lost.

To reach: nothing lost, nothing half-written shown as whole, no traceback.

    python benchmarks/faults.py [--part damage|kills|disk|together|readonly|all] [--seed 0] [--times 50]
"""

import argparse
import importlib
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

PARTS = ("damage", "kills", "disk", "together", "readonly")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", default="all", choices=("all", *PARTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--times", type=int, default=50, help="accidents of each campaign; of damage, for each page")
    parser.add_argument("--keep", type=pathlib.Path, help="folder to work in, which stays")
    asked = parser.parse_args()
    rows = []
    for part in PARTS if asked.part == "all" else (asked.part,):
        with tempfile.TemporaryDirectory() as folder:
            where = asked.keep or pathlib.Path(folder)
            os.environ["VITRINE_WORKSPACE"] = str(where / "workspace")
            rows += importlib.import_module(f"benchmarks._faults.{part}").run(where, asked.seed, asked.times)
    print(f"\n{'campaign':34} {'cases':>6} {'lost':>6} {'half-written':>13} {'tracebacks':>11}")
    for row in rows:
        print(f"{row.campaign:34} {row.cases:6} {row.lost:6} {row.half:13} {row.tracebacks:11}")
    print(f"seed {asked.seed}; load {os.getloadavg()[0]:.1f}")
    sys.exit(any(row.lost or row.half or row.tracebacks for row in rows))


if __name__ == "__main__":
    main()
