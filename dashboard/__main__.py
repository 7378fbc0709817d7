"""`python -m dashboard`: start the dashboard on this machine, or one for a team to look at, and print its address."""

import argparse
import contextlib
import ctypes
import getpass
import os
import pathlib
import secrets
import socket
import sys

FIRST_PORT = 8501
APP = pathlib.Path(__file__).with_name("app.py")
HERE = ("localhost", "127.0.0.1", "::1")
M_ARENA_MAX = -8  # of mallopt, see malloc.h of glibc


def main(words: list[str] | None = None, prog: str = "python -m dashboard") -> None:
    """Start the dashboard as `words` say, by default those of the command line; `prog` is what the help calls it."""
    parser = argparse.ArgumentParser(prog=prog, description=__doc__.split(": ")[1])
    parser.add_argument("--port", type=int, help=f"port to listen on; default: {FIRST_PORT}, or the next free one")
    parser.add_argument("--address", default="localhost", help="address to listen on; default: this machine only")
    parser.add_argument(
        "--stop", action="store_true", help="end dashboards, runs, searches and imports of the workspace"
    )
    shared = parser.add_argument_group("for a team", "The password may also be in VITRINE_PASSWORD; else it is asked.")
    shared.add_argument("--share", action="store_true", help="only show what is there, to those who know a password")
    shared.add_argument("--password-file", type=pathlib.Path, help="file whose first line is the password")
    shared.add_argument("--certificate", type=pathlib.Path, help="file with the TLS certificate (PEM)")
    shared.add_argument("--key", type=pathlib.Path, help="file with the certificate's private key (PEM)")
    given = parser.parse_args(words)
    try:
        sys.path.insert(0, str(APP.parent.parent))
        from dashboard import ending

        if given.stop:
            print(f"{', '.join(ending.everything())}.")
            return
        tls = certificate(given.certificate, given.key)
        port = find_port(given.address, given.port)
        from core import runs, workspace

        folder, only_look = runs.workspace(), workspace.look_at_workspace()
        ending.leave_note()
        told = share(given) if given.share else []
        told += [only_look] if only_look else []
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"Error: {error}")
    scheme = "https" if tls else "http"
    print(f"Vitrine is at {scheme}://{given.address}:{port}  (workspace: {folder}; Ctrl-C ends it)", flush=True)
    if told and not tls and given.address not in HERE:
        told.append("Password and pages travel unencrypted; give --certificate and --key, or use a proxy that has TLS.")
    print("\n".join(told), end="\n" if told else "", flush=True)
    os.environ["VITRINE_WORKSPACE"] = str(folder)
    here = [os.environ.get("PYTHONPATH"), str(pathlib.Path.cwd())]  # where a person's own modules are
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, here))
    options = [f"--server.port={port}", f"--server.address={given.address}", "--logger.level=warning", *tls]
    if given.share:
        options += ["--client.showErrorDetails=none", "--server.maxUploadSize=1"]  # nobody uploads; megabytes
    keep_memory_together()
    from streamlit.web import cli

    sys.argv = ["streamlit", "run", str(APP), *options]
    cli.main()


def keep_memory_together() -> None:
    """Let all threads of this process take their memory from two places, where the C library is glibc.

    It has one for each thread, up to eight a core, and what is free in one is of no use to the others. Each session has
    threads of its own, of which one computes at a time.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library, or none to ask
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def share(given: argparse.Namespace) -> list[str]:
    """Make the process one that only shows; what to print about the password. Raises as `password` does."""
    from dashboard import access, sharing

    os.environ[sharing.VARIABLE] = "1"
    if (login := by_login(pathlib.Path(".streamlit", "secrets.toml").absolute())) is not None:
        import importlib.util

        if importlib.util.find_spec("authlib") is None:
            raise ValueError("Logging in by OpenID Connect needs Authlib; run pip install 'streamlit[auth]'.")
        if not login.get("allowed"):
            raise ValueError(
                'Say who may look: allowed = ["@firm.org", "anna@example.org"] under [auth] in .streamlit/secrets.toml.'
            )
        os.environ[access.LOGIN] = "1"
        return ["People log in as .streamlit/secrets.toml says. Nothing can be changed through it."]
    word, made_up = password(given.password_file)
    os.environ[access.VARIABLE] = access.hashed(word)
    return [*([f"Password: {word}"] if made_up else []), "It only shows: nothing can be changed through it."]


def by_login(file: pathlib.Path) -> dict | None:
    """What Streamlit's secrets say of logging in, None if nothing; ValueError if they cannot be read."""
    import tomllib

    try:
        return tomllib.loads(file.read_text(encoding="utf-8")).get("auth")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{file.name} in {file.parent.name} cannot be read ({error}); mend it, or move it away."
        ) from error


def password(file: pathlib.Path | None) -> tuple[str, bool]:
    """The password, and whether it was made up: from the file, VITRINE_PASSWORD, the keyboard, or made up.

    Raises ValueError if it is too short, OSError if the file cannot be read.
    """
    from dashboard import access

    named = os.environ.pop("VITRINE_PASSWORD", "")  # so that no process started from here has it
    if file is not None:
        lines = file.read_text(encoding="utf-8").splitlines()
        word = lines[0].strip() if lines else ""
    elif named:
        word = named
    else:
        word = getpass.getpass("Password for the team (Enter makes one up): ") if sys.stdin.isatty() else ""
        if not word:
            return secrets.token_urlsafe(12), True
    if len(word) < access.SHORTEST:
        raise ValueError(f"The password has {len(word)} letters; give at least {access.SHORTEST}.")
    return word, False


def certificate(certificate: pathlib.Path | None, key: pathlib.Path | None) -> list[str]:
    """Streamlit's options for TLS, none without a certificate; ValueError with a sentence if the files do not fit."""
    import ssl

    if certificate is None and key is None:
        return []
    if certificate is None or key is None:
        raise ValueError("TLS needs both --certificate and --key.")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        raise ValueError(
            f"{certificate} and {key} are no certificate with its key in PEM ({error.reason or error}); check them."
        ) from error
    except OSError as error:
        name = certificate if not os.access(certificate, os.R_OK) else key
        raise ValueError(f"{name} cannot be read ({error.strerror}); give the certificate and its key.") from error
    return [f"--server.sslCertFile={certificate.resolve()}", f"--server.sslKeyFile={key.resolve()}"]


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
