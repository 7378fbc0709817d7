"""Numbers as a person reads them: per cent, durations, dates, sizes."""

import datetime
import math
import re


def percent(fraction: float | None, digits: int = 1) -> str:
    """0.9889 -> "98.9%"; None -> "not defined"."""
    return "not defined" if fraction is None else f"{fraction:.{digits}%}"


def interval(figure: dict) -> str:
    """{"value": .989, "low": .972, "high": .997} -> "98.9% (97.2 to 99.7)"."""
    if figure["value"] is None:
        return "not defined"
    return f"{figure['value']:.1%} ({100 * figure['low']:.1f} to {100 * figure['high']:.1f})"


def figure(figure: dict, form: str) -> str:
    """A metric with its interval, as `form` ("percent", "area" or "number") says: "0.953 (0.941 to 0.962)"."""
    if figure["value"] is None or form == "percent":
        return interval(figure)
    value = area(figure["value"]) if form == "area" else f"{figure['value']:.3f}"
    return f"{value} ({figure['low']:.3f} to {figure['high']:.3f})"


def area(value: float | None) -> str:
    """Area under a curve, in [0, 1], rounded down, so that only a perfect one reads 1: 0.99964 -> "0.9996"."""
    if value is None:
        return "not defined"
    digits = 1000 if value < 0.9985 else 10_000
    return f"{math.floor(value * digits + 1e-9) / digits:.{3 if digits == 1000 or value == 1 else 4}f}"


def duration(seconds: float | None) -> str:
    """130 -> "2 min 10 s"."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def when(timestamp: float | None, now: float | None = None) -> str:
    """Seconds since 1970 -> "today 14:02", "yesterday 09:30" or "2026-11-02 09:30"."""
    if timestamp is None:
        return ""
    try:
        moment = datetime.datetime.fromtimestamp(timestamp)
    except (OverflowError, OSError, ValueError):  # no moment of any calendar
        return ""
    today = datetime.datetime.fromtimestamp(now).date() if now else datetime.date.today()
    days = (today - moment.date()).days
    day = {0: "today", 1: "yesterday"}.get(days, f"{moment:%Y-%m-%d}")
    return f"{day} {moment:%H:%M}"


def size(n_bytes: float) -> str:
    """13_600_000 -> "13.6 MB"."""
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def cut(text: str, length: int) -> str:
    """Text of at most `length` characters: ("integrated gradients", 8) -> "integra…"."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def quoted(text: str, length: int = 60) -> str:
    """Text of others as a sentence repeats it: in quotes, short, with nothing that cannot be printed."""
    return repr(cut(text, length))


def distinct(names: list[str]) -> list[str]:
    """The names, a number added to those that occurred before: ["a", "b", "a"] -> ["a", "b", "a (2)"]."""
    given, taken, made = {}, set(names), []
    for name in names:
        given[name] = given.get(name, 0) + 1
        new = name
        while given[name] > 1 and (new := f"{name} ({given[name]})") in taken:
            given[name] += 1
        taken.add(new)
        made.append(new)
    return made


def markdown(text: str) -> str:
    """Text that comes from data, so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|$~:&])", r"\\\1", _without_addresses(text))


def _without_addresses(text: str) -> str:
    """The text with a joiner that cannot be seen in each address, of which a link would be made, escaped or not."""
    return re.sub(r"(?i)(https?|ftp|mailto|www)(?=[:.])", "\\1\u2060", text)


def literal(text: str) -> str:
    """A sentence, or text in a file that is read as it stands, so that Markdown shows it as it is.

    Unlike `markdown`, it leaves alone what does nothing where it stands, such as full stops and hyphens.
    """
    text = re.sub(r"[\\`*\[\]<$|~]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)
    text = re.sub(r":(?=[a-z][\w/+-]*(:|\\\[))", r"\\:", text)  # Streamlit's colours and icons
    text = _without_addresses(text)
    text = re.sub(r"(?m)^(\s*)([#+=>-])", r"\1\\\2", text)
    return re.sub(r"(?m)^(\s*\d+)([.)])", r"\1\\\2", text)


def count(n: int, thing: str) -> str:
    """(1204, "image") -> "1,204 images"; (1, "image") -> "1 image"."""
    ending = "es" if thing.endswith(("s", "ch")) and not thing.endswith("epoch") else "s"
    return f"{n:,} {thing if n == 1 else thing + ending}"
