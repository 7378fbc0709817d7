"""How to use an exported file: from Python, from Node, and from anywhere through the server."""

import json

import streamlit as st

from core.workspace import command


def section(run: str, facts: dict) -> None:
    """The code in three tabs, each to be copied as it stands."""
    python_tab, node_tab, curl_tab = st.tabs(["Python", "JavaScript", "curl"])
    with python_tab:
        st.code(python(facts), language="python")
        st.caption("Needs `pip install onnxruntime numpy" + (" Pillow" if facts.get("kind") == "image" else "") + "`.")
    with node_tab:
        st.code(node(facts), language="javascript")
        sharp = " sharp" if facts.get("kind") == "image" else ""
        st.caption(f"Node 20 or newer; needs `npm install onnxruntime-web{sharp}`.")
    with curl_tab:
        st.code(curl(run, facts), language="bash")
        st.caption("The server checks each input, answers JSON, and describes itself at `/`.")


def python(facts: dict) -> str:
    """Python that asks model.onnx for one sample."""
    if facts["kind"] == "image":
        about = facts["inputs"][0]
        channels, (height, width) = about["shape"][1], about["size_seen"]
        mode, axes = ("L", "[None, None]") if channels == 1 else ("RGB", ".transpose(2, 0, 1)[None]")
        before = "# from PIL import Image\n"
        feeds = (
            f"image = np.zeros((1, {channels}, {height}, {width}), np.{about['type']})  # any height and width\n"
            f'# image = np.asarray(Image.open("photo.jpg").convert("{mode}")){axes}\n'
            'feeds = {"image": image}'
        )
    else:
        before = ""
        types = {"float32": "np.float32", "string": "object"}
        rows = [
            f"    {about['name']!r}: np.array([{_python(about)}], {types[about['type']]})," for about in facts["inputs"]
        ]
        feeds = "\n".join(["feeds = {  # a row as it stands in the table, nothing scaled", *rows, "}"])
    return f"""import numpy as np
import onnxruntime
{before}
session = onnxruntime.InferenceSession("model.onnx")
{feeds}
label, probabilities = session.run(["label", "probabilities"], feeds)
print(label[0] or "nothing", probabilities[0])
"""


def node(facts: dict) -> str:
    """JavaScript for Node that asks model.onnx for one sample."""
    if facts["kind"] == "image":
        channels = facts["inputs"][0]["shape"][1]
        how = '.toColourspace("b-w")' if channels == 1 else ".removeAlpha()"
        before = 'import sharp from "sharp";\n'
        feeds = f"""const image = sharp("photo.jpg").autoOrient(){how}.raw();
const {{ data, info }} = await image.toBuffer({{ resolveWithObject: true }});
const size = info.width * info.height;
const pixels = new Uint8Array({channels} * size); // channel by channel, not pixel by pixel
for (let i = 0; i < size; i++) for (let c = 0; c < {channels}; c++) pixels[c * size + i] = data[i * info.channels + c];
const feeds = {{ image: new ort.Tensor("uint8", pixels, [1, {channels}, info.height, info.width]) }};"""
    else:
        before = ""
        rows = [
            f'  {json.dumps(about["name"])}: new ort.Tensor("{about["type"]}", [{_script(about)}], [1]),'
            for about in facts["inputs"]
        ]
        feeds = "\n".join(["const feeds = { // a row as it stands in the table, nothing scaled", *rows, "};"])
    return f"""import fs from "node:fs";
import * as ort from "onnxruntime-web";
{before}
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(fs.readFileSync("model.onnx"));
{feeds}
const {{ label, probabilities }} = await session.run(feeds, ["label", "probabilities"]);
console.log(label.data[0] || "nothing", Array.from(probabilities.data));
"""


def curl(run: str, facts: dict) -> str:
    """The command that starts the server, and one that asks it."""
    start = f"{command('exports')} serve {run}  # in one terminal\n\n"
    if facts["kind"] == "image":
        return f'{start}curl http://127.0.0.1:8600/predict -H "Content-Type: image/jpeg" --data-binary @photo.jpg\n'
    row = {about.get("column", about["name"]): about.get("example") for about in facts["inputs"]}
    body = json.dumps({"rows": [row]}, ensure_ascii=False).replace("'", "'\\''")
    return f"{start}curl http://127.0.0.1:8600/predict -H \"Content-Type: application/json\" -d '{body}'\n"


def _python(about: dict) -> str:
    value = about.get("example")
    if about["type"] == "string":
        return repr(str(value or ""))
    return "np.nan" if value in (None, "") else repr(value)


def _script(about: dict) -> str:
    value = about.get("example")
    if about["type"] == "string":
        return json.dumps(str(value or ""), ensure_ascii=False)
    return "NaN" if value in (None, "") else json.dumps(value)
