"""Find a Chromium for the browser tests; as a script, install Debian's if there is none."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


def find() -> str | None:
    """Path of a Chromium or Chrome; VITRINE_CHROMIUM names one outright."""
    named = os.environ.get("VITRINE_CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    """Install Debian's or Ubuntu's package, with sudo where one is not root; SystemExit with a sentence otherwise."""
    if not shutil.which("apt-get"):
        sys.exit("The browser tests need Chromium and there is none; install it, or name one in VITRINE_CHROMIUM.")
    print("Installing Chromium for the browser tests ...", flush=True)
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
        if subprocess.run(sudo + command, check=False, **quiet).returncode:
            sys.exit(f"Installing Chromium failed at `{' '.join(command)}`; install it, or set VITRINE_CHROMIUM.")


def watched(page) -> Callable[[], list[str]]:
    """A function that gives the errors of a page so far.

    A page that is left, or whose dashboard is ended, while it reads its code gives up the rest of it; Chromium calls
    that an error, and it is none. A file that is not there is no failed request, so it counts.
    """
    errors, given_up = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: given_up.append(request.url))
    return lambda: [error for error in errors if not any(url in error for url in given_up)]


if __name__ == "__main__" and not find():
    install()
