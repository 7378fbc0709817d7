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


def decimal(value: float, n_digits: int = 2) -> str:
    """A number in plain form, rounded: 8.71e-05 -> "0.000087"; 1234 -> "1200"."""
    rounded = float(f"{value:.{n_digits - 1}e}")
    places = n_digits - 1 - math.floor(math.log10(abs(rounded))) if rounded else 0
    return f"{rounded:.{max(0, places)}f}"


def at_most(value: float) -> str:
    """The next larger number of one digit, in plain form, and no smaller than a millionth: 3.2e-05 -> "0.00004"."""
    if value <= 1e-6:
        return "0.000001"
    unit = 10.0 ** math.floor(math.log10(value))
    return decimal(math.ceil(value / unit - 1e-9) * unit, 1)


def named(label: str, start: bool = False) -> str:
    """A class as a sentence names it: "1" -> "class 1", others as they are; start : at the start of the sentence."""
    if not re.fullmatch(r"[-+]?\d[\d.,]*", label):
        return label
    return f"{'Class' if start else 'class'} {label}"


def area(value: float | None) -> str:
    """Area under a curve, in [0, 1], rounded down, so that only a perfect one reads 1: 0.99964 -> "0.9996"."""
    if value is None:
        return "not defined"
    digits = 1000 if value < 0.9985 else 10_000
    return f"{math.floor(value * digits + 1e-9) / digits:.{3 if digits == 1000 or value == 1 else 4}f}"


def duration(seconds: float | None) -> str:
    """130 -> "2 min 10 s"; 120 -> "2 min"."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return _both(seconds // 60, "min", seconds % 60, "s")
    return _both(seconds // 3600, "h", seconds % 3600 // 60, "min")


def _both(n: int, unit: str, rest: int, smaller: str) -> str:
    return f"{n} {unit} {rest} {smaller}" if rest else f"{n} {unit}"


def moment(timestamp: float | None) -> str | None:
    """Seconds since 1970 -> "2026-11-02 at 09:30:00 CET", what `when` says in full; None if unknown."""
    if timestamp is None:
        return None
    try:
        return f"{datetime.datetime.fromtimestamp(timestamp).astimezone():%Y-%m-%d at %H:%M:%S %Z}".strip()
    except (OverflowError, OSError, ValueError):  # no moment of any calendar
        return None


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


def roughly(n_bytes: float) -> str:
    """A size that was measured once, to 2 digits: 194_300_000 -> "about 190 MB"; what is small is "under 10 MB"."""
    if n_bytes < 1e7:
        return "under 10 MB"
    n_bytes = float(f"{n_bytes:.1e}")
    return f"about {n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"about {n_bytes / 1e6:.0f} MB"


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
