"""The ASGI application. /predict is answered at once, without FastAPI's way there; the rest is a FastAPI like any."""

import contextlib
import time
import urllib.parse

import fastapi
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from exports.model_file import ModelFile
from exports.serving import answering, pages, transport
from exports.serving.batching import Batcher
from exports.serving.counting import Counts
from exports.serving.limits import MEGABYTE, Limits, Refused
from exports.serving.permission import permitted

OPEN = ("/health",)  # paths for which no token is needed: who balances load has none
KNOWN = ("/", "/predict", "/health", "/metadata", "/metrics", "/openapi.json")
AT_ONCE = MEGABYTE  # bytes of requests that are answered together


class Application(fastapi.FastAPI):
    """A FastAPI that asks for the token, counts, and answers /predict in front of all routes."""

    def __init__(self, model: ModelFile, token: str | None, limits: Limits):
        self.model, self.token, self.limits = model, token, limits
        self.counts = Counts()
        self.inflow = transport.Inflow(limits)
        answerer = answering.Answerer(model, limits, self.counts.batch)
        self.extras = () if answerer.kind == "tensor" else set(answering.ON_REQUEST).intersection(model.outputs)
        self.batcher = Batcher(answerer.answer, AT_ONCE)
        title = str(model.facts.get("run") or model.name)
        super().__init__(title=title, version="1", docs_url=None, redoc_url=None, lifespan=self._lifespan)
        self._add_routes()

    @contextlib.asynccontextmanager
    async def _lifespan(self, _):
        yield
        self.batcher.close()

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        start, status, path = time.perf_counter(), 500, scope["path"]
        self.counts.in_flight.inc()
        try:
            if path not in OPEN:
                permitted(scope, self.token)
            if path == "/predict":
                if scope["method"] != "POST":
                    raise Refused(405, f"{scope['method']} asks nothing here; send a POST request.", more=True)
                content = await self._predict(scope, receive)
                status = 200
                await transport.answer(send, 200, content)
            else:
                status = await self._rest(scope, receive, send)
        except Refused as error:
            status = error.status
            await transport.refuse(receive, send, error)
        except transport.Gone:
            status = 499  # as nginx counts them
        finally:
            self.counts.in_flight.dec()
            self.counts.answered(path if path in KNOWN else "other", status, time.perf_counter() - start)

    async def _predict(self, scope, receive) -> bytes:
        headers = dict(scope["headers"])
        if len(self.batcher) >= self.limits.waiting:
            raise transport.Busy(more=True)
        extras = self._extras(scope["query_string"]) if scope["query_string"] else ()
        content = await self.inflow.body(receive, _length(headers))
        try:
            kind = headers.get(b"content-type", b"").decode("latin-1")
            return await self.batcher.ask(answering.Job(content, kind, extras), len(content))
        finally:
            self.inflow.n_bytes -= len(content)

    def _extras(self, query: bytes) -> tuple[str, ...]:
        """What a query such as with=explanation,embedding wants beside what all get."""
        values = urllib.parse.parse_qs(query.decode("latin-1")).get("with", [])
        wanted = sorted({name.strip() for value in values for name in value.split(",") if name.strip()})
        if unknown := [name for name in wanted if name not in self.extras]:
            there = ", ".join(sorted(self.extras)) or "none"
            raise Refused(400, f"The model has no output {unknown[0][:60]!r} to ask for; it has {there}.", more=True)
        return tuple(wanted)

    async def _rest(self, scope, receive, send) -> int:
        """Let the routes answer; returns the status."""
        status = 500

        async def noting(message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await super().__call__(scope, receive, noting)
        return status

    def _add_routes(self) -> None:
        @self.exception_handler(HTTPException)
        async def refused(_, error: HTTPException) -> JSONResponse:
            said = f"There is no such page ({error.detail}); see /openapi.json for those there are."
            return JSONResponse({"error": said}, error.status_code, error.headers)

        @self.get("/health", summary="Whether the server is up")
        async def health() -> dict:
            return {"status": "ok"}

        @self.get("/metadata", summary="What the file says of itself")
        async def metadata() -> JSONResponse:
            return JSONResponse(pages.metadata(self.model))

        @self.get("/metrics", summary="Counts and times, for Prometheus")
        async def metrics() -> Response:
            return Response(self.counts.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

        @self.get("/", include_in_schema=False)
        async def page(request: fastapi.Request) -> HTMLResponse:
            address = str(request.base_url).rstrip("/")
            return HTMLResponse(pages.page(self.model, address, self.token is not None))

    def openapi(self) -> dict:
        """The description of the service, with the inputs and outputs of this file."""
        return pages.openapi(self.model, super().openapi())


def _length(headers: dict) -> int:
    """The length of the body as the head says; -1 if it does not."""
    given = headers.get(b"content-length", b"")
    return int(given) if given.isdigit() else -1
