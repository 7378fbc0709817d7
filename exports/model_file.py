"""An exported file as whoever deploys it sees it: its inputs and outputs, and rows or pictures as they come."""

import datetime
import json
import pathlib
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

SAID = {"name": str, "column": str, "role": str, "type": str, "shape": list}  # of each input
DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}(:\d{1,2}(:\d{1,2}(\.\d*)?)?)?)?", re.ASCII)
LARGEST = float(np.finfo(np.float32).max)
YEARS = range(1678, 2262)  # that a table can hold, pandas' own limits
MISSING = ("", "na", "n/a", "nan", "null", "none", "?", "-")  # as in core.data.tables.cells, in lower case


@dataclass(frozen=True)
class ModelFile:
    """A file in onnxruntime.

    facts : its metadata without the "vitrine." before each name, {} for a file from elsewhere
    kind : "image", "table", or "" if it does not say
    inputs : descriptions, see `exports.facts.inputs`; of a file from elsewhere only "name", "type" and "shape"
    outputs : their names
    """

    name: str
    session: Any
    facts: dict
    kind: str
    classes: tuple[str, ...]
    inputs: tuple[dict, ...]
    outputs: tuple[str, ...]

    def ask(self, feeds: dict[str, np.ndarray], wanted: list[str] | None = None) -> dict[str, np.ndarray]:
        """The wanted outputs (all by default) of one batch; only what they need is computed."""
        import onnxruntime

        names = list(self.outputs if wanted is None else wanted)
        options = onnxruntime.RunOptions()
        options.only_execute_path_to_fetches = True
        return dict(zip(names, self.session.run(names, feeds, options)))

    def columns(self, table: dict) -> dict[str, np.ndarray]:
        """The file's inputs from columns of plain values, as JSON or a CSV has them: {column: [text, number or None]}.

        Columns that the file does not read are left out. Raises LookupError for a column that is missing, ValueError
        with row and column for what does not fit.
        """
        named = {about.get("column", about["name"]): about for about in self.inputs}
        if lacking := [column for column in named if column not in table]:
            raise LookupError(f"There is no column {_listed(lacking)}; the model reads {_listed(list(named))}.")
        lengths = {len(table[column]) for column in named}
        if len(lengths) > 1:
            raise ValueError(
                f"The columns have {_listed(sorted(map(str, lengths)))} values; give each the same number."
            )
        return {about["name"]: _values(column, about, table[column]) for column, about in named.items()}


def read(path: str | pathlib.Path, threads: int | None = None, providers: tuple[str, ...] = ()) -> ModelFile:
    """Open an ONNX file; ValueError with a sentence if it is none, LookupError for an unknown provider.

    threads : of one answer; None for onnxruntime's choice
    providers : of onnxruntime, by name; default: the processor
    """
    import onnxruntime

    there = onnxruntime.get_available_providers()
    if unknown := [name for name in providers if name not in there]:
        raise LookupError(f"onnxruntime has no provider {_listed(unknown)} here; it has {_listed(there)}.")
    path = pathlib.Path(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # it mostly waits
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); name an ONNX file that is there.") from error
    try:
        session = onnxruntime.InferenceSession(content, options, providers=list(providers) or ["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's many kinds
        problem = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ValueError(
            f"{path.name} is no ONNX file that onnxruntime can read ({problem}); export it again."
        ) from error
    facts, there = _facts(session, path.name), [_plain(entry) for entry in session.get_inputs()]
    inputs = facts.get("inputs") or there
    if [_key(about) for about in inputs] != [_key(about) for about in there]:
        raise ValueError(f"The metadata of {path.name} is about other inputs than it has; it was changed after export.")
    outputs = tuple(entry.name for entry in session.get_outputs())
    widths = [entry.shape[-1] for entry in session.get_outputs() if entry.name == "probabilities"]
    if facts.get("classes") and widths not in ([], [len(facts["classes"])]):
        raise ValueError(f"The metadata of {path.name} names other classes than it has; it was changed after export.")
    return ModelFile(
        path.name, session, facts, facts.get("kind", ""), tuple(facts.get("classes", ())), tuple(inputs), outputs
    )


def pixels(content: bytes, channels: int) -> np.ndarray:
    """An image file's content as uint8 (c, H, W), turned as EXIF says; ValueError with a sentence if it cannot be read.

    channels : 1 for grey, 3 for colour
    """
    from core.data.images import decode

    return decode.content(content, channels)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _facts(session, name: str) -> dict:
    stored = session.get_modelmeta().custom_metadata_map
    try:
        found = {key[8:]: json.loads(text) for key, text in stored.items() if key.startswith("vitrine.")}
        if not all(isinstance(found.get(name, []), list) for name in ("inputs", "outputs", "classes")):
            raise ValueError("inputs, outputs and classes are no lists")
        for about in found.get("inputs", []):
            if not isinstance(about, dict) or any(not isinstance(about.get(key), kind) for key, kind in SAID.items()):
                raise ValueError("an input is not described")
            if not all(isinstance(value, str) for value in about.get("categories", [])):
                raise ValueError("a category is no text")
        if not all(isinstance(name, str) for name in found.get("classes", [])):
            raise ValueError("a class is no text")
        if found.get("kind", "") not in ("image", "table", ""):
            raise ValueError("the kind of data is unknown")
        return found
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"The metadata of {name} is damaged ({error}); export the run again.") from error


def _key(about: dict) -> tuple:
    return about["name"], about["type"]


def _plain(entry) -> dict:
    """What an input says of itself."""
    types = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(string)": "string", "tensor(int64)": "int64"}
    kind = types.get(entry.type, entry.type)
    return {"name": entry.name, "type": kind, "shape": list(entry.shape)}


def _values(column: str, about: dict, values) -> np.ndarray:
    if about["type"] == "string":
        return _texts(column, about, values)
    try:
        return np.array([_number(value) for value in values], np.float32)
    except (ValueError, TypeError, OverflowError):
        for row, value in enumerate(values):
            try:
                _number(value)
            except (ValueError, TypeError, OverflowError) as error:
                is_what = "too large" if isinstance(error, OverflowError) else "no number"
                said = f"row {row + 1}, column {column}: {str(value)[:50]!r} is {is_what}; give a number, or nothing"
                raise ValueError(f"In {said}.") from None
        raise


def _number(value) -> float:
    """A plain value as a number; ValueError or TypeError if it is none, OverflowError if float32 has none so large."""
    if value is None:
        return np.nan
    if isinstance(value, str):
        text = value.strip()
        found = np.nan if text.lower() in MISSING else float(text)
    elif isinstance(value, (int, float, np.number)):
        found = float(value)
    else:
        raise TypeError
    if abs(found) > LARGEST:
        raise OverflowError
    return found


def _texts(column: str, about: dict, values) -> np.ndarray:
    found = np.empty(len(values), object)
    known = set(about.get("categories", ()))
    for row, value in enumerate(values):
        if value is None or (isinstance(value, float) and np.isnan(value)):
            text = ""
        elif isinstance(value, (list, dict)):
            raise ValueError(f"In row {row + 1}, column {column}: a {type(value).__name__} is no text; give one value.")
        else:
            text = str(value).strip()
            text = "" if text.lower() in MISSING and text not in known else text
            if text and about.get("role") == "date":
                text = text.removesuffix("Z")
                if not _is_date(text):
                    said = f"row {row + 1}, column {column}: {text[:50]!r} is no date; give one like 2024-01-31"
                    raise ValueError(f"In {said}, or nothing.")
        found[row] = text
    return found


def _is_date(text: str) -> bool:
    """Whether a text is a day, and a time, that there is; of any other the file makes a missing one, without a word."""
    if not DATE.fullmatch(text):
        return False
    try:
        year, month, day, hour, minute, second = [*map(int, re.findall(r"\d+", text)), 0, 0, 0][:6]
        datetime.date(year, month, day), datetime.time(hour, minute, second)
    except ValueError:
        return False
    return year in YEARS
