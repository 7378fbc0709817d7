"""The server, asked in this process, and asked over a socket where that is the point."""

import asyncio
import contextlib
import io
import json
import subprocess
import sys
import threading
import types

import httpx
import numpy as np
import onnx
import pytest
import uvicorn
from PIL import Image

from exports import serve
from exports.serving import reading, tensors
from exports.serving.limits import Limits, Refused
from tests.exports import served

ROW = {"age": 39, "city": "rome", "seen": None}  # a score of 0.9 + 1
YES = 1 / (1 + np.exp(-1.9))
JSON = {"content-type": "application/json"}
CSV = {"content-type": "text/csv"}
FORM = "multipart/form-data; boundary="
TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("served")


class Client:
    """Asks an application in this process, one request after the other."""

    def __init__(self, application, address: str = "http://localhost"):
        self.application, self.address = application, address

    def ask(self, method: str, path: str, **what) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.application)
            async with httpx.AsyncClient(transport=transport, base_url=self.address) as client:
                return await client.request(method, path, **what)

        return asyncio.run(once())

    def get(self, path: str, **what) -> httpx.Response:
        return self.ask("GET", path, **what)

    def post(self, path: str, **what) -> httpx.Response:
        return self.ask("POST", path, **what)


@pytest.fixture(scope="module")
def table(folder):
    return Client(serve.app(served.table(folder)))


@pytest.fixture(scope="module")
def image(folder):
    return Client(serve.app(served.image(folder)))


@contextlib.contextmanager
def running(application):
    """The address of the application behind a real socket."""
    opened = serve.listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, args=([opened],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{opened.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def encoded(levels: np.ndarray, format: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.fromarray(levels).save(content, format)
    return content.getvalue()


def grey(level: int, size=(4, 5), format: str = "PNG") -> bytes:
    return encoded(np.full(size, level, np.uint8), format)


def said(answer) -> list:
    return [sample["label"] for sample in answer.json()["predictions"]]


# ---------------------------------------------------------------------------------------------------- rows


def test_a_row_gets_label_decision_probabilities_set_and_how_far_out_it_is(table):
    answer = table.post("/predict", json=ROW)
    assert answer.status_code == 200
    (sample,) = answer.json()["predictions"]
    assert sample["label"] == "<yes>" and sample["decision"] == 1 and sample["abstain"] is False
    assert sample["probabilities"] == pytest.approx({"no": 1 - YES, "<yes>": YES}, abs=1e-6)
    assert sample["set"] == ["no", "<yes>"]
    assert sample["outlier"] == pytest.approx(YES**2, abs=1e-6)


def test_where_nothing_is_said_the_label_is_null(table):
    answer = table.post("/predict", json={"age": 30, "city": "oslo", "seen": None})
    (sample,) = answer.json()["predictions"]
    assert sample["label"] is None and sample["decision"] == -1 and sample["abstain"] is True


@pytest.mark.parametrize("body", [{"rows": [ROW, ROW | {"age": 1}]}, [ROW, ROW | {"age": 1}]])
def test_rows_come_as_an_object_or_as_a_list_and_other_columns_are_left_to_lie(table, body):
    assert said(table.post("/predict", json=body)) == ["<yes>", "no"]
    assert said(table.post("/predict", json=ROW | {"income": "?", "name": [1]})) == ["<yes>"]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_csv_is_taken_as_it_stands_in_the_file(table, sign):
    lines = ["\ufeffincome,seen, city,age", "no, ?, rome, 39", '"a,b;c\t|d",2024-01-31,atlantis , NA', ""]
    text = "\r\n".join(line.replace(",", sign) if '"' not in line else line for line in lines[:2]) + "\r\n"
    answer = table.post("/predict", content=text.encode(), headers=CSV)
    assert said(answer) == ["<yes>"]
    if sign == ",":
        answer = table.post("/predict", content="\n".join(lines).encode(), headers=CSV)
        assert said(answer) == ["<yes>", "no"]


def test_more_outputs_come_on_request(table):
    answer = table.post("/predict?with=explanation,logits", json=ROW)
    (sample,) = answer.json()["predictions"]
    assert sample["explanation"] == pytest.approx({"age": 0.9, "city": 1, "seen": 0}, abs=1e-6)
    assert sample["logits"] == pytest.approx([0, 1.9], abs=1e-6)
    assert "explanation" not in table.post("/predict", json=ROW).json()["predictions"][0]
    refused = table.post("/predict?with=embedding", json=ROW)
    assert refused.status_code == 400 and "'embedding'" in refused.json()["error"]


@pytest.mark.parametrize(
    "body, status, words",
    [
        ({"rows": [ROW, ROW | {"age": "old"}]}, 422, ["row 2", "age", "'old'"]),
        ({"rows": [ROW, {"age": 1, "seen": None}]}, 422, ["Row 2", "'city'"]),
        ({"rows": [ROW, None]}, 422, ["Row 2", "null"]),
        ({"rows": []}, 422, ["no row"]),
        ({"rows": [ROW | {"city": ["rome"]}]}, 422, ["row 1", "city"]),
        ({"rows": [ROW | {"age": {}}]}, 422, ["row 1", "age"]),
        ({"rows": True}, 422, ["true or false"]),
        (7, 422, ["a number"]),
        ({}, 422, ["Row 1", "'age'"]),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_row_and_column(table, body, status, words):
    answer = table.post("/predict", json=body)
    assert answer.status_code == status
    assert all(word in answer.json()["error"] for word in words), answer.text


@pytest.mark.parametrize(
    "content, headers, status, word",
    [
        (b"", JSON, 400, "no JSON"),
        (b"{", JSON, 400, "no JSON"),
        (b"[" * 100_000, JSON, 400, "no JSON"),
        (b'{"age": NaN}', JSON, 400, "no JSON"),
        (b"\x00\xff", JSON, 400, "no JSON"),
        (b"age;city\n\xff;rome", CSV, 400, "UTF-8"),
        (b"", CSV, 422, "no row"),
        (b"age,city,seen\n1,rome", CSV, 422, "Row 1 has 2 cells"),
        (b"age,city,seen\n1,204,rome,", CSV, 422, "Row 1 has 4 cells"),
        (b"age,city\n1,rome", CSV, 422, "'seen'"),
        (b"age,city,seen\nold,rome,", CSV, 422, "row 1, column age"),
        (b"age=1", {"content-type": "application/x-www-form-urlencoded"}, 415, "text/csv"),
        (grey(1), {"content-type": "image/png"}, 415, "'image/png'"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(table, content, headers, status, word):
    answer = table.post("/predict", content=content, headers=headers)
    assert answer.status_code == status and word in answer.json()["error"]


def test_a_bad_row_does_not_harm_those_asked_together_with_it(folder):
    application = serve.app(served.table(folder))

    async def ask() -> list:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            ages = [60 if i % 3 else "old" for i in range(30)]
            return await asyncio.gather(*(client.post("/predict", json=ROW | {"age": age}) for age in ages))

    answers = asyncio.run(ask())
    assert [answer.status_code for answer in answers] == [200 if i % 3 else 422 for i in range(30)]
    assert all("row 1," in answer.json()["error"] for answer in answers[::3])


def test_requests_that_wait_are_answered_together_each_with_its_own_answer(folder):
    application = serve.app(served.table(folder))

    async def ask() -> tuple[list, str]:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answers = await asyncio.gather(*(client.post("/predict", json=ROW | {"age": age}) for age in range(200)))
            return answers, (await client.get("/metrics")).text

    answers, metrics = asyncio.run(ask())
    given = [answer.json()["predictions"][0]["probabilities"]["<yes>"] for answer in answers]
    np.testing.assert_allclose(given, 1 / (1 + np.exp(2 - np.arange(200) / 10)), atol=1e-6)
    batches = float(
        next(line for line in metrics.splitlines() if line.startswith("vitrine_batch_samples_count")).split()[1]
    )
    assert batches < 100  # of 200 requests


# ---------------------------------------------------------------------------------------------------- images


def test_an_image_comes_raw_or_as_files_of_a_form(image):
    assert said(image.post("/predict", content=grey(200), headers={"content-type": "image/png"})) == ["light"]
    files = [
        ("file", ("a.png", grey(10))),
        ("file", ("<b>.jpg", grey(250, (9, 3), "JPEG"))),
        ("other", ("c.gif", grey(129, (9, 3), "GIF"))),
    ]
    answer = image.post("/predict", files=files)
    assert said(answer) == ["dark", "light", "light"]
    assert [sample["file"] for sample in answer.json()["predictions"]] == ["a.png", "<b>.jpg", "c.gif"]


@pytest.mark.parametrize(
    "content, kind, status, word",
    [
        (grey(1, (40, 40), "JPEG")[:-200], "image/jpeg", 422, "cut short"),
        (b"hello", "image/png", 422, "no image"),
        (b"", "image/png", 422, "at least one file"),
        (b'{"image": []}', "application/json", 415, "upload image files"),
        (b"x", "multipart/form-data", 400, "boundary"),
        (b"nonsense", f"{FORM}x", 400, "form"),
        (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--", f"{FORM}x", 422, "no im"),
        (encoded(np.zeros((2500, 4000), np.uint8)), "image/png", 413, "4,000 x 2,500"),
        (encoded(np.zeros((1, 30_000), np.uint8)), "image/png", 413, "30,000 x 1"),
    ],
)  # fmt: skip
def test_what_is_no_image_or_too_large_is_refused_with_a_sentence(image, content, kind, status, word):
    answer = image.post("/predict", content=content, headers={"content-type": kind})
    assert answer.status_code == status and word in answer.json()["error"]


# ---------------------------------------------------------------------------------------------------- limits


def test_each_limit_is_told_with_its_figure(folder):
    async def pieces():
        for _ in range(2):
            yield b"x" * 1500

    limits = Limits(body_bytes=2000, rows=3, images=1, waiting=0)
    client = Client(serve.app(served.table(folder), limits=limits))
    assert client.post("/predict", json=ROW).status_code == 429
    limits = Limits(body_bytes=2000, rows=3, images=1)
    client = Client(serve.app(served.table(folder), limits=limits))
    assert "at most 3" in client.post("/predict", json=[ROW] * 4).json()["error"]
    assert client.post("/predict", json=[ROW] * 3).status_code == 200
    answer = client.post("/predict", json=ROW | {"city": "x" * 3000})
    assert answer.status_code == 413 and "2,000 bytes" in answer.json()["error"]
    assert client.post("/predict", content=pieces(), headers=JSON).status_code == 413
    client = Client(serve.app(served.image(folder), limits=limits))
    files = [("file", (name, grey(1))) for name in "ab"]
    assert "at most 1" in client.post("/predict", files=files).json()["error"]


def test_a_huge_body_is_refused_while_it_is_sent_and_never_held(folder):
    import psutil

    piece = b"x" * 2**16

    with running(serve.app(served.table(folder))) as address:
        before = psutil.Process().memory_info().rss
        for headers in ({}, {"content-length": str(4000 * 2**16)}):
            pieces = (piece for _ in range(4000))
            answer = httpx.post(f"{address}/predict", content=pieces, headers=headers, timeout=60)
            assert answer.status_code == 413 and "too large" in answer.json()["error"]
        assert psutil.Process().memory_info().rss - before < 100e6
        assert said(httpx.post(f"{address}/predict", json=ROW)) == ["<yes>"]


def test_a_thousand_connections_at_once_are_answered(folder):
    serve._allow_many_connections()
    body = json.dumps(ROW).encode()
    head = b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body)

    async def one(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + body)
        await writer.drain()
        line = await reader.readline()
        writer.close()
        return line

    async def all_of_them(port: int) -> list[bytes]:
        return await asyncio.gather(*(one(port) for _ in range(1000)))

    with running(serve.app(served.table(folder))) as address:
        lines = asyncio.run(all_of_them(int(address.rpartition(":")[2])))
    assert set(lines) == {b"HTTP/1.1 200 OK\r\n"}


def test_a_client_that_goes_or_is_slow_harms_nobody(folder):
    async def half(port: int, go: bool) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{")
        await writer.drain()
        if go:
            writer.close()
            return b""
        return await reader.readline()

    application = serve.app(served.table(folder), limits=Limits(seconds=0.2))
    with running(application) as address:
        port = int(address.rpartition(":")[2])
        assert asyncio.run(half(port, go=True)) == b""
        assert b"408" in asyncio.run(half(port, go=False))
        assert said(httpx.post(f"{address}/predict", json=ROW)) == ["<yes>"]
    assert application.inflow.n_bytes == 0


# ---------------------------------------------------------------------------------------------------- who may ask


def test_with_a_token_all_but_health_needs_it(folder):
    client = Client(serve.app(served.table(folder), TOKEN), "http://anywhere.example")
    assert client.get("/health").json() == {"status": "ok"}
    for headers in ({}, {"authorization": f"Basic {TOKEN}"}, {"authorization": f"Bearer {TOKEN}x"}):
        for path in ("/predict", "/metadata", "/metrics", "/openapi.json", "/"):
            answer = (
                client.post(path, json=ROW, headers=headers)
                if path == "/predict"
                else client.get(path, headers=headers)
            )
            assert answer.status_code == 401 and "oken" in answer.json()["error"]
            assert answer.headers["www-authenticate"] == "Bearer"
    assert said(client.post("/predict", json=ROW, headers={"authorization": f"Bearer {TOKEN}"})) == ["<yes>"]


def test_without_a_token_only_this_machine_is_answered(table):
    for host, status in (("localhost:8600", 200), ("127.0.0.1", 200), ("[::1]:8600", 200), ("evil.example", 403)):
        assert table.post("/predict", json=ROW, headers={"host": host}).status_code == status


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_listening_elsewhere_needs_a_token(folder, host):
    with pytest.raises(ValueError, match="token is needed"):
        serve.serve(str(served.table(folder)), host=host)


@pytest.mark.parametrize("token", ["", "short", "with a space in its midst", "ünicode-ünicode-ü"])
def test_a_token_that_is_none_is_refused(folder, token):
    with pytest.raises(ValueError, match="at least 16"):
        serve.serve(str(served.table(folder)), token=token)


# ---------------------------------------------------------------------------------------------------- files and ports


def test_a_port_in_use_is_told(folder):
    with serve.listen("127.0.0.1", 0) as opened:
        port = opened.getsockname()[1]
        with pytest.raises(ValueError, match=f"Port {port} of 127.0.0.1 is in use"):
            serve.serve(str(served.table(folder)), port=port)
    with pytest.raises(ValueError, match="Port 70000"):
        serve.listen("127.0.0.1", 70000)


def test_what_cannot_be_served_is_told(folder):
    path = folder / "text.onnx"
    path.write_text("not ONNX")
    with pytest.raises(ValueError, match=r"text\.onnx is no ONNX"):
        serve.app(path)
    with pytest.raises(LookupError, match="NopeExecutionProvider"):
        serve.app(served.table(folder), provider="NopeExecutionProvider")
    with pytest.raises(LookupError, match="no file"):
        serve.find(str(folder / "nothing.onnx"))
    with pytest.raises(LookupError, match="no run 'nothing'"):
        serve.find("nothing")


def test_a_file_from_elsewhere_is_served_with_tensors(folder):
    other = folder / "elsewhere"
    other.mkdir(exist_ok=True)
    client = Client(serve.app(served.table(other, described=False)))
    asked = {"inputs": {"age": [39, 1], "city": ["rome", "rome"], "seen": ["", ""]}}
    outputs = client.post("/predict", json=asked).json()["outputs"]
    assert outputs["label"] == ["<yes>", "no"] and outputs["decision"] == [1, 0]
    assert client.get("/metadata").json()["takes"] == "tensor"
    assert client.post("/predict", json=pages_example(client)).status_code == 200
    for inputs, word in (
        ({"age": [1], "city": ["rome"]}, "'seen'"),
        ({"age": [[1]], "city": ["rome"], "seen": [""]}, "shape [1, 1]"),
        ({"age": ["x"], "city": ["rome"], "seen": [""]}, "'age'"),
        ({"age": [1], "city": [1], "seen": [""]}, "'city'"),
        ({"age": [[1], 2], "city": ["rome"], "seen": [""]}, "'age'"),
        ({"age": [1, 2], "city": ["rome"], "seen": [""]}, "cannot answer"),
    ):
        answer = client.post("/predict", json={"inputs": inputs})
        assert answer.status_code == 422 and word in answer.json()["error"], answer.text
    assert client.post("/predict", json=[1]).status_code == 422
    assert client.post("/predict", content=b"a", headers=CSV).status_code == 415
    client = Client(serve.app(served.image(other, described=False)))
    answer = client.post("/predict", json={"inputs": {"image": [[[[200, 201]]]]}})
    assert answer.json()["outputs"]["label"] == ["light"]
    for value in (256, -1, 0.5):
        assert "do not fit" in client.post("/predict", json={"inputs": {"image": [[[[value]]]]}}).json()["error"]


def pages_example(client) -> dict:
    paths = client.get("/openapi.json").json()["paths"]
    return paths["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]


# ---------------------------------------------------------------------------------------------------- what it says


def test_the_example_of_the_openapi_page_is_answered(table, image):
    assert said(table.post("/predict", json=pages_example(table))) == ["<yes>"]
    described = table.get("/openapi.json").json()["paths"]["/predict"]["post"]
    text = described["requestBody"]["content"]["text/csv"]["example"]
    assert said(table.post("/predict", content=text, headers=CSV)) == ["<yes>"]
    assert (
        "multipart/form-data"
        in image.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"]
    )


def test_the_page_shows_commands_loads_nothing_and_escapes_what_comes_from_data(table):
    text = table.get("/").text
    assert "curl http://localhost/predict" in text and "&lt;yes&gt;" in text and "<yes>" not in text
    assert "src=" not in text and "https:" not in text


def test_metadata_are_the_facts_of_the_file_without_its_self_test(table):
    facts = table.get("/metadata").json()
    assert facts["classes"] == ["no", "<yes>"] and facts["takes"] == "table" and "self_test" not in facts
    assert facts["inputs"][0]["range"] == [17, 90]


def test_metrics_count_requests_by_status(folder):
    client = Client(serve.app(served.table(folder)))
    for body in (ROW, ROW, {}):
        client.post("/predict", json=body)
    client.get("/secret/of/a/stranger")
    text = client.get("/metrics").text
    assert 'vitrine_requests_total{code="200",path="/predict"} 2.0' in text
    assert 'vitrine_requests_total{code="422",path="/predict"} 1.0' in text
    assert 'vitrine_requests_total{code="404",path="other"} 1.0' in text and "stranger" not in text
    assert 'vitrine_request_seconds_bucket{le="+Inf",path="/predict"} 3.0' in text


def test_another_method_and_another_page_are_refused_with_a_sentence(table):
    assert table.get("/predict").status_code == 405 and "POST" in table.get("/predict").json()["error"]
    assert table.get("/nothing").status_code == 404 and "no such page" in table.get("/nothing").json()["error"]


def test_torch_is_not_needed(folder):
    code = (
        "import sys; from exports import serve; from exports.serving.answering import Job\n"
        f"application = serve.app({str(served.image(folder))!r})\n"
        f"(answer,) = application.batcher._work([Job({grey(200)!r}, 'image/png')])\n"
        "assert b'light' in answer\n"
        "assert 'torch' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("text", ["NaN", '"\\ud800"'])
def test_facts_that_no_answer_can_hold_are_refused(tmp_path, text):
    path = served.table(tmp_path)
    proto = onnx.load(path)
    proto.metadata_props.add(key="vitrine.note", value=text)
    onnx.save(proto, path)
    with pytest.raises(ValueError, match=r"The metadata of table\.onnx is damaged"):
        serve.app(path)


def test_lines_that_end_with_a_separator_as_the_header_does_are_rows():
    (row,) = reading.csv_rows(b"a,b,\n1,2,\n", [{"column": "a"}, {"column": "b"}])
    assert row == {"a": "1", "b": "2"}


@pytest.mark.parametrize("value, type_", [(300, "int8"), (2**40, "int32"), (-1, "uint8"), (2, "bool"), (0.5, "int64")])
def test_a_number_that_an_input_cannot_hold_is_refused(value, type_):
    given = types.SimpleNamespace(name="count", type=f"tensor({type_})", shape=["samples"])
    with pytest.raises(Refused, match=f"The input 'count' is no array of {type_} \\(some do not fit\\)"):
        tensors._array([1, value], given)
    assert tensors._array([1, 0], given).dtype == type_


def test_a_row_of_missing_cells_is_a_row_and_an_empty_line_is_none():
    inputs = [{"column": "a"}, {"column": "b"}]
    rows = reading.csv_rows(b"a,b\n1,2\n,\n\n3,4\n", inputs)
    assert [row["a"] for row in rows] == ["1", "", "3"]
