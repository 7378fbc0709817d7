"""The body of a request -> rows, images or tensors. Whatever is wrong with it is a `Refused` with a sentence."""

import csv
import io
from typing import Any

from exports.serving.limits import Limits, Refused

DELIMITERS = ",;\t|"
SHOWN = 60  # signs of what was sent that a sentence repeats


def rows(content: bytes, content_type: str, inputs: list[dict], limits: Limits) -> list[dict]:
    """Rows, each a dict from column to value as JSON or CSV has it. What else a row holds is left to lie."""
    kind = media_type(content_type)
    if kind == "text/csv":
        found = csv_rows(content, inputs)
    elif kind in ("application/json", "text/json", "") or kind.endswith("+json"):
        found = json_rows(content)
    else:
        raise Refused(415, f"The content is {quoted(kind)}; this model takes application/json or text/csv.")
    if not found:
        raise Refused(422, "There is no row in the request; send at least one.")
    if len(found) > limits.rows:
        raise Refused(413, f"The request has {len(found):,} rows; send at most {limits.rows:,} at once.")
    return found


def json_rows(content: bytes) -> list[dict]:
    """{"rows": [{column: value}, ...]}, a list of such rows, or one row alone."""
    values = parsed(content)
    found = values.get("rows", values) if isinstance(values, dict) else values
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list):
        raise Refused(422, f'The request is {kind_of(found)}; send {{"rows": [{{column: value, ...}}, ...]}}.')
    for i, row in enumerate(found):
        if type(row) is not dict:
            raise Refused(422, f"Row {i + 1} is {kind_of(row)}; it must be an object that has a value by column.")
    return found


def csv_rows(content: bytes, inputs: list[dict]) -> list[dict]:
    """The lines below the header, each a dict of text; only the columns that the model reads."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(400, f"Byte {error.start + 1:,} of the CSV text is no UTF-8; send the file as UTF-8.") from None
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    known = {one["column"] for one in inputs}
    head = text.lstrip().partition("\n")[0]
    delimiter = max(DELIMITERS, key=lambda sign: _names_found(head, sign, known))
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        table = [[cell.strip() for cell in line] for line in lines if line]
    except csv.Error as error:
        raise Refused(400, f"The text is no CSV ({error}).") from None
    if not table:
        return []
    header, found = table[0], []
    where = [(name, header.index(name)) for name in known if name in header]
    for i, line in enumerate(table[1:], start=1):
        if len(line) != len(header):  # also with one too many, as of 1,204 without quotes: the others are moved then
            raise Refused(422, f"Row {i} has {len(line)} cells and the header {len(header)}; give one for each column.")
        found.append({name: line[j] for name, j in where})
    return found


def images(content: bytes, content_type: str, limits: Limits) -> list[tuple[str, bytes]]:
    """Name and content of each image file of the request, still encoded."""
    kind = media_type(content_type)
    if kind == "multipart/form-data":
        found = parts(content, content_type)
    elif kind.startswith("image/") or kind in ("application/octet-stream", ""):
        found = [("", content)] if content else []
    elif kind == "application/json" or kind == "text/csv":
        raise Refused(415, f"The content is {kind}, and this model takes images: upload image files, not their pixels.")
    else:
        raise Refused(
            415, f"The content is {quoted(kind)}; this model takes multipart/form-data with image files, or image/*."
        )
    if not found:
        raise Refused(422, "There is no image in the request; upload at least one file.")
    if len(found) > limits.images:
        raise Refused(413, f"The request has {len(found):,} images; send at most {limits.images:,} at once.")
    return found


def parts(content: bytes, content_type: str) -> list[tuple[str, bytes]]:
    """File name and content of each file in a multipart/form-data body."""
    from python_multipart.multipart import FormParserError, MultipartParser, parse_options_header

    found, head, field, value, start = [], {}, bytearray(), bytearray(), []

    def end_header() -> None:
        head[bytes(field).lower()] = bytes(value)
        field.clear()
        value.clear()

    def begin() -> None:
        head.clear()
        start.clear()

    def data(chunk: bytes, low: int, high: int) -> None:
        start.append(chunk[low:high])

    def end() -> None:
        options = parse_options_header(head.get(b"content-disposition", b""))[1]
        if b"filename" in options:
            found.append((options[b"filename"].decode(errors="replace"), b"".join(start)))

    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise Refused(400, "The content type multipart/form-data has no boundary; let your client write the header.")
    callbacks = {
        "on_part_begin": begin,
        "on_part_data": data,
        "on_part_end": end,
        "on_header_field": lambda chunk, low, high: field.extend(chunk[low:high]),
        "on_header_value": lambda chunk, low, high: value.extend(chunk[low:high]),
        "on_header_end": end_header,
    }
    try:
        parser = MultipartParser(boundary, callbacks)  # ty: ignore[invalid-argument-type]
        parser.write(content)
        parser.finalize()
    except FormParserError as error:
        raise Refused(400, f"The form cannot be read ({error}).") from None
    return found


def check_size(content: bytes, name: str, limits: Limits) -> None:
    """Refuse an image that is too large, by what its head says."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
    except Exception:  # `pixels` says what is wrong with it
        return
    if width * height > limits.pixels or max(width, height) > limits.side:
        most = f"{limits.pixels:,} in all and {limits.side:,} a side"
        said = f"{name} has {width:,} x {height:,} pixels; send at most {most}, or start the server with higher limits."
        raise Refused(413, said)


def parsed(content: bytes) -> Any:
    """The JSON value of a body."""
    import orjson

    try:
        return orjson.loads(content)
    except ValueError as error:
        raise Refused(400, f"The request is no JSON ({error}).") from None


def media_type(content_type: str) -> str:
    """What a Content-Type says without its parameters, in small letters."""
    return content_type.partition(";")[0].strip().lower()


def kind_of(value: object) -> str:
    """What a JSON value is, in words."""
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "null")


def quoted(text: str) -> str:
    """Text of others in a sentence: short, in quotes, nothing that cannot be printed."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def _names_found(head: str, delimiter: str, known: set) -> int:
    try:
        names = next(csv.reader([head], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return 0
    return sum(name.strip() in known for name in names)
