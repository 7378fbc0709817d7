"""A dashboard in a process of its own, for measurements and screenshots."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# a script that is not ours has none of our settings; it too must ask for nothing outside
STREAMLIT = (sys.executable, "-m", "streamlit", "run", "--browser.gatherUsageStats=false", "--server.headless=true")


@contextlib.contextmanager
def serving(workspace: pathlib.Path, script: pathlib.Path | None = None):
    """Start the dashboard (or another Streamlit script) on `workspace`; give its address, end it afterwards."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = (
        [sys.executable, "-m", "dashboard", "--port", str(port)]
        if script is None
        else [*STREAMLIT, str(script), f"--server.port={port}"]
    )
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "VITRINE_WORKSPACE": str(workspace)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://localhost:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
                break
            if process.poll() is not None:
                raise RuntimeError("The dashboard ended at its start; run `python -m dashboard` to see why.")
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(60)
