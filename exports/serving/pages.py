"""What the server says of itself: facts, OpenAPI, and a plain page with examples that needs no network."""

import html
import json

from exports.model_file import ModelFile
from exports.serving import tensors
from exports.serving.answering import ON_REQUEST, kind_of

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"  # no script, no network
HIDDEN = ("self_test",)  # of the facts: long, and for machines
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem; color: #1d232b;
  background: #fff }
pre { background: #f2f4f6; padding: .8rem; overflow-x: auto; border-radius: 6px; font-size: 14px }
table { border-collapse: collapse; display: block; overflow-x: auto } td, th { text-align: left; padding: .3rem .8rem;
  border-bottom: 1px solid #d8dde3; vertical-align: top }
@media (prefers-color-scheme: dark) { body { color: #e4e7eb; background: #15181c } pre { background: #22272d }
  td, th { border-color: #363d45 } a { color: #6db3f2 } }
"""


def metadata(model: ModelFile) -> dict:
    """The facts of the file, without its self-test; of a file from elsewhere, its inputs and outputs."""
    inputs, outputs = tensors.described(model.session)
    facts = {name: value for name, value in model.facts.items() if name not in HIDDEN}
    return {"takes": kind_of(model), "inputs": inputs, "outputs": outputs} | facts


def example(model: ModelFile) -> dict:
    """A request body that the model answers, but for images; a file from elsewhere gets zeros."""
    if kind_of(model) == "table":
        return {"rows": [{one["column"]: one.get("example") for one in model.inputs}]}
    inputs, _ = tensors.described(model.session)
    return {"inputs": {one["name"]: _zeros(one) for one in inputs}}


def curl(model: ModelFile, address: str, token: bool) -> list[tuple[str, str]]:
    """(What it does, the command) for a shell."""
    key = ' -H "Authorization: Bearer $TOKEN"' if token else ""
    if kind_of(model) == "image":
        return [
            ("One image", f'curl {address}/predict{key} -H "Content-Type: image/jpeg" --data-binary @photo.jpg'),
            ("Several images", f"curl {address}/predict{key} -F file=@one.jpg -F file=@two.png"),
        ]
    body = json.dumps(example(model), ensure_ascii=False).replace("'", "'\\''")
    as_json = ("As JSON", f"curl {address}/predict{key} -H \"Content-Type: application/json\" -d '{body}'")
    if kind_of(model) == "tensor":
        return [as_json]
    return [
        as_json,
        ("A CSV file", f'curl {address}/predict{key} -H "Content-Type: text/csv" --data-binary @rows.csv'),
    ]


def openapi(model: ModelFile, schema: dict) -> dict:
    """FastAPI's description of the other paths, with /predict and examples made from the file's inputs added."""
    kind = kind_of(model)
    if kind == "image":
        file = {"type": "string", "format": "binary"}
        form = {"type": "object", "properties": {"file": {"type": "array", "items": file}}}
        content = {"multipart/form-data": {"schema": form}, "image/*": {"schema": file}}
    else:
        content = {"application/json": {"schema": _body(model), "example": example(model)}}
        if kind == "table":
            content["text/csv"] = {"schema": {"type": "string"}, "example": _csv(model)}
    extras = [name for name in ON_REQUEST if name in model.outputs and kind != "tensor"]
    asked = {
        "name": "with",
        "in": "query",
        "description": "Further outputs, with commas between them.",
        "schema": {"type": "string", "examples": extras},
    }
    refused = {"type": "object", "properties": {"error": {"type": "string"}}}
    codes = {
        "400": "It cannot be read",
        "401": "The token is missing or wrong",
        "413": "It is too large",
        "415": "It is of another type",
        "422": "It does not fit the model; the sentence says where",
        "429": "Too much is waiting",
    }
    predict = {
        "summary": "Label, decision and probabilities of each sample",
        "parameters": [asked] if extras else [],
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "The answers", "content": {"application/json": {"schema": {}}}}}
        | {code: {"description": text, "content": {"application/json": {"schema": refused}}}
           for code, text in codes.items()},
    }  # fmt: skip
    return schema | {"paths": {"/predict": {"post": predict}} | schema["paths"]}


def page(model: ModelFile, address: str, token: bool) -> str:
    """An HTML page: what the model takes and gives, with commands to copy. All that comes from data is escaped."""
    facts, say = metadata(model), html.escape
    title = str(facts.get("run") or "An ONNX model")
    inputs = "".join(
        f"<tr><td>{say(str(one.get('column', one['name'])))}</td><td>{say(str(one['type']))}</td>"
        f"<td>{say(str(one.get('text') or one['shape']))}</td></tr>"
        for one in facts["inputs"]
    )
    commands = "".join(f"<p>{say(what)}</p><pre>{say(how)}</pre>" for what, how in curl(model, address, token))
    classes = ", ".join(model.classes[:50]) + (", …" if len(model.classes) > 50 else "")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{say(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f"<h1>{say(title)}</h1><p>{f'Says one of: {say(classes)}.' if model.classes else 'Says what its outputs say.'}"
        f"</p><h2>Ask it</h2>{commands}<h2>What it takes</h2><table><tr><th>Input</th><th>Type</th><th></th></tr>"
        f'{inputs}</table><h2>More</h2><p><a href="openapi.json">openapi.json</a>, <a href="metadata">metadata</a>, '
        f'<a href="metrics">metrics</a>, <a href="health">health</a></p></body></html>'
    )


def _body(model: ModelFile) -> dict:
    """JSON schema of the body."""
    if kind_of(model) == "tensor":
        inputs, _ = tensors.described(model.session)
        arrays = {one["name"]: {"type": "array", "description": f"{one['type']} {one['shape']}"} for one in inputs}
        return {"type": "object", "properties": {"inputs": {"type": "object", "properties": arrays}}}
    columns = {}
    for one in model.inputs:
        type_ = "number" if one.get("role") == "number" else "string"
        columns[one["column"]] = {"type": [type_, "null"], "description": one.get("text", "")}
    row = {"type": "object", "properties": columns, "required": list(columns)}
    return {"type": "object", "properties": {"rows": {"type": "array", "items": row}}, "required": ["rows"]}


def _csv(model: ModelFile) -> str:
    import csv
    import io

    text = io.StringIO()
    row = example(model)["rows"][0]
    csv.writer(text).writerows([list(row), ["" if value is None else value for value in row.values()]])
    return text.getvalue()


def _zeros(one: dict):
    """Nested lists for one input, 1 where its shape is open."""
    value = "" if one["type"] == "string" else False if one["type"] == "bool" else 0
    for side in reversed(one["shape"]):
        value = [value] * (side if isinstance(side, int) and side < 1000 else 1)
    return value
