"""The server under load: adult rows from 32 clients, against a bare FastAPI app around the same file.

The bare app does nothing but call onnxruntime once per request, on an array that lies ready, and give back the
probabilities: it reads and checks nothing. To reach: at least its throughput, no failed request, memory that stays.
Both run under uvicorn with the same settings and take turns; the load comes from a process of its own.

    python benchmarks/serve.py [MODEL_OR_RUN] [--requests 100000] [--rounds 5] [--clients 32] [--rows FILE.csv]

Without a model, one is trained on adult first (a minute or two). A request fails if its status is not 200, or if its
label is not the one that the file gives for its row.
"""

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from benchmarks._contest import SHARED

WARM = 2000  # requests before anything is measured
STAYS = 1.05  # memory after, as a multiple of that after the first round, at most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("--requests", type=int, default=30_000, help="to each server, over all rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--rows", default=str(SHARED / "tables" / "adult.test"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = model(asked.model, folder)
        requests = pathlib.Path(folder, "requests.json")
        requests.write_text(json.dumps(bodies(path, asked.rows)))
        contest(path, requests, asked)


def contest(path: pathlib.Path, requests: pathlib.Path, asked) -> None:
    import psutil

    n = asked.requests // asked.rounds
    rates, failed, memory = {"ours": [], "bare": []}, {"ours": 0, "bare": 0}, {"ours": [], "bare": []}
    with serving("ours", path) as ours, serving("bare", path) as bare:
        servers = {"ours": ours, "bare": bare}
        for name, (_, port) in servers.items():
            load(name, port, requests, WARM, asked.clients)
        for turn in range(asked.rounds):
            for name in ("ours", "bare") if turn % 2 == 0 else ("bare", "ours"):
                process, port = servers[name]
                seconds, bad = load(name, port, requests, n, asked.clients)
                rates[name].append(n / seconds)
                failed[name] += bad
                memory[name].append(psutil.Process(process.pid).memory_info().rss)
    ratios = [ours / bare for ours, bare in zip(rates["ours"], rates["bare"])]
    ratio, grown = statistics.median(ratios), memory["ours"][-1] / memory["ours"][0]
    print(f"{asked.rounds} rounds of {n:,} requests, a row each, from {asked.clients} clients", end="; ")
    print(f"load {os.getloadavg()[0]:.1f}")
    print(f"{'':28}{'requests/s, median (min to max)':>38}{'failed':>9}{'memory, first and last round':>32}")
    for name, title in (("ours", "checked, in small batches"), ("bare", "bare FastAPI, ready array")):
        first, last = memory[name][0], memory[name][-1]
        print(f"{title:28}{said(rates[name]):>38}{failed[name]:>9,}{first / 1e6:>20,.1f} MB {last / 1e6:>7,.1f} MB")
    spread = f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"throughput, to reach 1.0 times the bare app's: {spread}, {verdict(ratio >= 1)}")
    print(f"failed requests, to reach 0 of {n * asked.rounds:,}: {failed['ours']:,}, {verdict(not failed['ours'])}")
    print(f"memory, to stay below {STAYS} times the first round's: {grown:.3f}, {verdict(grown < STAYS)}")


def model(given: str | None, folder: str) -> pathlib.Path:
    """The file to serve; without one, adult is learnt in a workspace of its own."""
    from exports import serve

    if given:
        return serve.find(given)
    import core
    from core import runs
    from exports import onnx

    os.environ["VITRINE_WORKSPACE"] = str(pathlib.Path(folder, "workspace"))
    run = core.train(str(SHARED / "tables" / "adult.data"), "mlp", target="income", epochs=2, device="cpu")
    onnx.export(run)
    return runs.path(run, "exports", "model.onnx")


def bodies(path: pathlib.Path, rows: str) -> list[tuple[str, str]]:
    """A request's body for each row of a CSV file, and the beginning of its answer by the file itself."""
    from exports import model_file
    from exports.serving import reading

    opened = model_file.read(path)
    found = reading.csv_rows(pathlib.Path(rows).read_bytes(), opened.inputs)[:5000]
    numbers = {one["column"] for one in opened.inputs if one["role"] == "number"}
    found = [{name: float(v) if name in numbers and v != "?" else v for name, v in row.items()} for row in found]
    feeds = opened.columns({name: [row[name] for row in found] for name in found[0]})
    labels = opened.ask(feeds, ["label"])["label"]
    return [
        (json.dumps({"rows": [row]}), f'{{"predictions":[{{"label":{json.dumps(label) if label else "null"},')
        for row, label in zip(found, labels)
    ]


@contextlib.contextmanager
def serving(name: str, path: pathlib.Path):
    """A server in a process of its own: (process, port)."""
    command = [sys.executable, __file__, f"serve-{name}", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def load(name: str, port: int, requests: pathlib.Path, n: int, clients: int) -> tuple[float, int]:
    """Seconds for n requests and how many failed, from a process of its own."""
    command = [sys.executable, __file__, f"load-{name}", str(port), str(requests), str(n), str(clients)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds, failed = done.stdout.split()
    return float(seconds), int(failed)


def serve(name: str, path: str) -> None:
    import uvicorn

    from exports import serve as serving

    opened = serving.listen("127.0.0.1", 0)
    application = serving.app(path) if name == "ours" else bare(path)
    print(opened.getsockname()[1], flush=True)
    config = uvicorn.Config(application, log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(config).run([opened])


def bare(path: str):
    """The app to compare with: a row's arrays lie ready, and each request gives what the file says of it."""
    import fastapi

    from exports import model_file

    opened = model_file.read(path)
    ready = opened.columns({one["column"]: [one["example"]] for one in opened.inputs})
    application = fastapi.FastAPI()

    @application.post("/predict")
    async def predict() -> dict:
        return {"probabilities": opened.ask(ready, ["probabilities"])["probabilities"].tolist()}

    return application


class Client(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the last is there."""

    def __init__(self, work, end):
        self.work, self.end, self.buffer, self.failed, self.wanted = work, end, b"", 0, b""

    def connection_made(self, transport):
        self.transport = transport
        self.next()

    def next(self):
        request, self.wanted = next(self.work, (None, b""))
        if request is None:
            self.transport.close()
        else:
            self.transport.write(request)

    def data_received(self, data):
        buffer = self.buffer + data if self.buffer else data
        head = buffer.find(b"\r\n\r\n")
        at = buffer.find(b"content-length: ")
        if head < 0 or at < 0:
            self.buffer = buffer
            return
        length = int(buffer[at + 16 : buffer.find(b"\r", at)])
        if len(buffer) < head + 4 + length:
            self.buffer = buffer
            return
        self.buffer = b""
        if not buffer.startswith(b"HTTP/1.1 200") or not buffer.startswith(self.wanted, head + 4):
            self.failed += 1
        self.next()

    def connection_lost(self, _):
        if self.wanted:  # it was not we who closed it
            self.failed += 1
        self.end(self.failed)


def send(name: str, port: str, requests: str, n: str, clients: str) -> None:
    """Send n requests over some connections, and print the seconds and how many failed."""
    import uvloop

    head = "POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n"
    ready = []
    for body, wanted in json.loads(pathlib.Path(requests).read_text()):
        content = body.encode()
        ready.append((head.format(len(content)).encode() + content, wanted.encode() if name == "ours" else b"{"))
    work = (ready[i % len(ready)] for i in range(int(n)))

    async def all_of_them() -> int:
        loop, ended, failed = asyncio.get_running_loop(), asyncio.Event(), []

        def end(n_failed: int) -> None:
            failed.append(n_failed)
            if len(failed) == int(clients):
                ended.set()

        for _ in range(int(clients)):
            await loop.create_connection(lambda: Client(work, end), "127.0.0.1", int(port))
        await ended.wait()
        return sum(failed)

    start = time.perf_counter()
    failed = uvloop.run(all_of_them())
    print(time.perf_counter() - start, failed)


def said(rates: list[float]) -> str:
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


def verdict(good: bool) -> str:
    return "pass" if good else "MISS"


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].startswith("serve-"):
        serve(sys.argv[1][6:], *sys.argv[2:])
    elif len(sys.argv) > 1 and sys.argv[1].startswith("load-"):
        send(sys.argv[1][5:], *sys.argv[2:])
    else:
        main()
