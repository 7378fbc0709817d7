"""`python -m dashboard`: start the dashboard on this machine and print its address."""

import argparse
import os
import pathlib
import socket
import sys

FIRST_PORT = 8501
APP = pathlib.Path(__file__).with_name("app.py")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=__doc__.split(": ")[1])
    parser.add_argument("--port", type=int, help=f"port to listen on; default: {FIRST_PORT}, or the next free one")
    parser.add_argument("--address", default="localhost", help="address to listen on; default: this machine only")
    given = parser.parse_args()
    try:
        port = find_port(given.address, given.port)
        sys.path.insert(0, str(APP.parent.parent))
        from core import runs

        folder = runs.check_workspace()
    except OSError as error:
        sys.exit(f"Error: {error}")
    print(f"Vitrine is at http://{given.address}:{port}  (workspace: {folder}; Ctrl-C ends it)", flush=True)
    os.environ["VITRINE_WORKSPACE"] = str(folder)
    here = [os.environ.get("PYTHONPATH"), str(pathlib.Path.cwd())]  # where a person's own modules are
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, here))
    os.chdir(APP.parent.parent)  # where .streamlit/ is
    options = [f"--server.port={port}", f"--server.address={given.address}", "--logger.level=warning"]
    from streamlit.web import cli

    sys.argv = ["streamlit", "run", str(APP), *options]
    cli.main()


def find_port(address: str, port: int | None) -> int:
    """The port asked for, or the first free one from FIRST_PORT on; OSError with a sentence if there is none."""
    if port is not None and not 0 < port < 65536:
        raise OSError(f"Port {port} does not exist; give one from 1 to 65535 with --port.")
    candidates = range(FIRST_PORT, FIRST_PORT + 100) if port is None else [port]
    for candidate in candidates:
        with socket.socket() as probe:
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, candidate))
            except OSError as error:
                problem = error
                continue
        if port is None and candidate != FIRST_PORT:
            print(f"Port {FIRST_PORT} is in use, so another one was taken.")
        return candidate
    what = f"Port {port}" if port else f"Each port from {FIRST_PORT} to {FIRST_PORT + 99}"
    raise OSError(f"{what} cannot be used ({problem.strerror}); give another one with --port.")


if __name__ == "__main__":
    main()
