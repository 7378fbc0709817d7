"""An HTTP server for an exported file: FastAPI and onnxruntime, no torch. Requests that wait are answered together."""

import contextlib
import json
import pathlib
import sys
from typing import TYPE_CHECKING

from exports import model_file
from exports.serving import permission
from exports.serving.limits import USUAL, Limits

if TYPE_CHECKING:
    import socket

    from exports.serving.application import Application

PORT = 8600


def serve(
    model_or_run: str,
    host: str = "127.0.0.1",
    port: int = PORT,
    token: str | None = None,
    limits: Limits = USUAL,
    provider: str | None = None,
) -> None:
    """Serve an ONNX file, or the exported file of a run, until somebody stops it.

    host : an address other than this machine's own needs a token
    provider : of onnxruntime, for example CUDAExecutionProvider; None is the CPU
    Raises ValueError or LookupError with a sentence if it cannot: no such file or run, not ONNX, a port in use.
    """
    import uvicorn

    permission.check_token(host, token)
    path = find(model_or_run)
    application = app(path, token, limits, provider)
    opened = listen(host, port)
    _allow_many_connections()
    if failed := application.model.facts.get("failed"):
        print(f"Warning: this file is not what was trained. {failed}", file=sys.stderr, flush=True)
    where = f"[{host}]" if ":" in host else host
    print(f"Serving {application.title} on http://{where}:{opened.getsockname()[1]} (Ctrl-C stops it)", flush=True)
    config = uvicorn.Config(
        application, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=5
    )
    with opened, contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([opened])


def app(
    path: str | pathlib.Path, token: str | None = None, limits: Limits = USUAL, provider: str | None = None
) -> "Application":
    """The ASGI application: /predict, /health, /metadata, /metrics, /openapi.json, and a page with examples at /.

    Raises ValueError with a sentence if the file cannot be read, LookupError for an unknown provider.
    """
    from exports.serving.application import Application

    model = model_file.read(path, providers=() if provider is None else (provider,))
    try:
        json.dumps(model.facts, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:  # what no answer could hold
        raise ValueError(f"The metadata of {model.name} is damaged ({error}); export the run again.") from error
    return Application(model, token, limits)


def find(model_or_run: str) -> pathlib.Path:
    """The ONNX file that is meant: a path, or a run's name; LookupError if there is none."""
    path = pathlib.Path(model_or_run)
    if path.is_file():
        return path
    if path.suffix == ".onnx" or len(path.parts) > 1:
        raise LookupError(f"There is no file {path}; give the path of an ONNX file, or the name of a run.")
    from core import runs

    return runs.exported(runs.resolve(model_or_run))


def listen(host: str, port: int) -> "socket.socket":
    """A listening socket; ValueError with a sentence if there cannot be one."""
    import errno
    import socket

    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reasons = {
            errno.EADDRINUSE: "is in use; choose another one, or stop what uses it",
            errno.EACCES: "is not for everybody; choose one above 1023",
            errno.EADDRNOTAVAIL: "cannot be had, as the address is none of this machine",
        }
        problem = reasons.get(getattr(error, "errno", None), f"cannot be used ({error})")
        raise ValueError(f"Port {port} of {host} {problem}.") from None


def _allow_many_connections() -> None:
    """Let the process have as many open files as it may: each connection is one."""
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 65_536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
