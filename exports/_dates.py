"""Dates as text, read inside the exported file: the piece of graph that turns ISO 8601 into days since 1970."""

from typing import Any

import numpy as np

from exports.model_file import YEARS

BAD = -1_000_000  # in place of a part of a date that cannot be read


def nodes(text: str, days: str) -> list:
    """onnx nodes that compute `days`, float32 (n,), NaN where it cannot be read, from `text`, string (n,).

    Each text is padded before it is split, so that there are always as many parts as are asked for. A time that is not
    there is midnight; any other part that is not in its list makes the date a missing one, as does 30 February.
    """
    import onnx
    from onnx import helper, numpy_helper

    made, count = [], 0

    def node(kind: str, *inputs: str, n_out: int = 1, domain: str = "", **attributes) -> str:
        nonlocal count
        count += 1
        outputs = [f"{days}/{count}" + (f".{i}" if i else "") for i in range(n_out)]
        made.append(
            helper.make_node(kind, list(inputs), outputs, f"{days}/{kind} {count}", domain=domain, **attributes)
        )
        return outputs[0]

    def constant(value) -> str:
        if isinstance(value, str):
            return node("Constant", value=helper.make_tensor("value", onnx.TensorProto.STRING, [], [value.encode()]))
        return node("Constant", value=numpy_helper.from_array(np.array(value), "value"))

    def part(of: str, delimiter: str, padding: str, places: int) -> list[str]:
        """The first parts of a text; padded, so that there are always enough."""
        split = node("StringSplit", node("StringConcat", of, constant(padding)), n_out=2, delimiter=delimiter)
        return [node("Gather", split, constant(np.int64(i)), axis=1) for i in range(places)]

    def number(of: str, values: dict[str, int]) -> str:
        keys, numbers = list(values), list(values.values())
        table: dict[str, Any] = {"keys_strings": keys, "values_int64s": numbers, "default_int64": BAD}
        return node("LabelEncoder", of, domain="ai.onnx.ml", **table)

    first, after_t = part(text, "T", "T", 2)
    date, after_space = part(first, " ", " ", 2)
    time = node("StringConcat", after_space, after_t)
    year, month, day = part(date, "-", "--", 3)
    hour, minute, second = part(time, ":", "::", 3)
    (second,) = part(second, ".", ".", 1)

    starts = np.array([f"{y}-01-01" for y in (*YEARS, YEARS.stop)], "datetime64[D]").astype(int)
    years = {str(y): int(start) for y, start in zip(YEARS, starts)}
    leap = {str(y): int(length == 366) for y, length in zip(YEARS, np.diff(starts))}
    lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    before = np.cumsum([0, *lengths[:-1]]).tolist()
    is_leap = number(year, leap)
    feb = number(month, _both({m: int(m == 2) for m in range(1, 13)}))
    later = number(month, _both({m: int(m > 2) for m in range(1, 13)}))
    longest = node("Add", number(month, _both(dict(enumerate(lengths, 1)))), node("Mul", feb, is_leap))
    of_month = number(day, _both({d: d for d in range(1, 32)}))
    total = node("Add", number(year, years), number(month, _both(dict(enumerate(before, 1)))))
    total = node("Add", node("Add", total, node("Mul", later, is_leap)), node("Sub", of_month, constant(np.int64(1))))
    clock = [
        number(some, {"": 0} | _both({i: i for i in range(n)})) for some, n in ((hour, 24), (minute, 60), (second, 60))
    ]
    good = node("And", node("LessOrEqual", of_month, longest), node("Greater", total, constant(np.int64(BAD // 2))))
    for some in (is_leap, of_month, *clock):
        good = node("And", good, node("GreaterOrEqual", some, constant(np.int64(0))))
    of_day = node("Add", node("Mul", clock[0], constant(np.int64(3600))), node("Mul", clock[1], constant(np.int64(60))))
    of_day = node("Cast", node("Add", of_day, clock[2]), to=onnx.TensorProto.DOUBLE)
    exact = node("Div", of_day, constant(np.float64(86400)))
    exact = node("Add", node("Cast", total, to=onnx.TensorProto.DOUBLE), exact)
    rounded = node("Cast", exact, to=onnx.TensorProto.FLOAT)
    node("Where", good, rounded, constant(np.float32(np.nan)))
    made[-1].output[0] = days
    return made


def _both(values: dict[int, int]) -> dict[str, int]:
    """Keys as text, with a leading zero and without."""
    return {f"{key:02d}": value for key, value in values.items()} | {str(key): value for key, value in values.items()}
