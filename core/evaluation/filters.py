"""A person's own slice, as a text: age > 30 and sex = male and not (city in (Rome, "New York")).

Grammar, with words of it in any case:
    filter     = side {"or" side};  side = term {"and" term};  term = "not" term | "(" filter ")" | condition
    condition  = column ("=" | "!=" | "<" | "<=" | ">" | ">=") value | column ["not"] "in" "(" value {"," value} ")"
                 | column "is" ["not"] ("missing" | value)
A name or a value that holds spaces or signs, or is a word of the grammar, is put in quotes; a name also in backticks.
"""

import difflib
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core import words
from core.evaluation import conditions

TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<name>`(?:[^`]|``)*`)
      | (?P<sign><=|>=|!=|==|=|<|>|\(|\)|,)
      | (?P<word>[^\s()<>=!,"'`]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
GRAMMAR = ("and", "or", "not", "in", "is", "missing")
COMPARISONS = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
LONGEST = 10_000  # characters
DEEPEST = 50  # brackets, or nots, in one another
SHOWN = 20  # columns that an error names


@dataclass(frozen=True)
class Token:
    """kind : "quoted", "name", "sign", "word" or "end";  text : without quotes;  start : of its first character"""

    kind: str
    text: str
    start: int

    def is_word(self, *wanted: str) -> bool:
        """Whether it is one of these words, without quotes, in any case of letters."""
        return self.kind == "word" and self.text.lower() in wanted


def mask(table: pd.DataFrame, text: str) -> np.ndarray:
    """Which rows of `table` fit the filter, bool (n,); all of them for an empty text.

    Numbers and dates are compared as such, all else as text, exactly. A missing cell fits no comparison, not even "!=".
    Raises ValueError with a sentence: where the text is not understood, which columns there are, or which value a
    column cannot be compared with.
    """
    if not text.strip():
        return np.ones(len(table), bool)
    if len(text) > LONGEST:
        raise ValueError(f"The filter has {len(text):,} characters; use {LONGEST:,} or fewer.")
    return _Reader(table, _tokens(text)).whole()


class _Reader:
    """Reads tokens from the first to the last, and knows how deep it is."""

    def __init__(self, table: pd.DataFrame, tokens: list[Token]):
        self.table, self.tokens, self.place, self.depth = table, tokens, 0, 0
        self.names = {str(name): name for name in table.columns}

    def whole(self) -> np.ndarray:
        found = self.any_of()
        if self.next.kind != "end":
            raise self.error('"and" or "or"')
        return found

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def take_sign(self, sign: str) -> None:
        if self.next.kind != "sign" or self.next.text != sign:
            raise self.error(f'"{sign}"')
        self.take()

    def any_of(self) -> np.ndarray:
        found = self.all_of()
        while self.next.is_word("or"):
            self.take()
            found = found | self.all_of()
        return found

    def all_of(self) -> np.ndarray:
        found = self.term()
        while self.next.is_word("and"):
            self.take()
            found = found & self.term()
        return found

    def term(self) -> np.ndarray:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError(f"The filter has more than {DEEPEST} brackets in one another; use fewer.")
        if self.next.is_word("not"):
            self.take()
            found = ~self.term()
        elif self.next.kind == "sign" and self.next.text == "(":
            self.take()
            found = self.any_of()
            self.take_sign(")")
        else:
            found = self.condition()
        self.depth -= 1
        return found

    def condition(self) -> np.ndarray:
        column = self.column()
        values = self.table[self.names[column]]
        token = self.next
        if token.kind == "sign" and (sign := token.text.replace("==", "=")) in COMPARISONS:
            self.take()
            return _compare(column, values, sign, self.value())
        if token.is_word("is"):
            self.take()
            turned = self.next.is_word("not")
            if turned:
                self.take()
            if not self.next.is_word("missing"):
                return _compare(column, values, "!=" if turned else "=", self.value())
            self.take()
            return conditions.missing(values) ^ turned
        turned = token.is_word("not")
        if turned:
            self.take()
        if not self.next.is_word("in"):
            raise self.error("=, !=, <, <=, >, >=, in, not in, is or is not")
        self.take()
        found = _in(column, values, self.listed())
        return ~found & ~conditions.missing(values) if turned else found

    def column(self) -> str:
        token = self.next
        if token.kind in ("sign", "end") or token.is_word(*GRAMMAR):
            raise self.error("the name of a column")
        if token.text not in self.names:
            known = [_shown(name, 60) for name in list(self.names)[:SHOWN]]
            more = len(self.names) - len(known)
            near = difflib.get_close_matches(token.text, list(self.names), n=1)
            raise ValueError(
                f'There is no column "{_shown(token.text, 60)}"; there are {", ".join(known) or "none"}'
                f"{f' and {more} more' if more else ''}.{f' Did you mean {_shown(near[0], 60)}?' if near else ''}"
            )
        return self.take().text

    def value(self) -> str:
        if self.next.kind not in ("word", "quoted") or self.next.is_word(*GRAMMAR):
            raise self.error("a value")
        return self.take().text

    def listed(self) -> list[str]:
        self.take_sign("(")
        found = [self.value()]
        while self.next.kind == "sign" and self.next.text == ",":
            self.take()
            found.append(self.value())
        self.take_sign(")")
        return found

    def error(self, expected: str) -> ValueError:
        token = self.next
        if token.kind == "end":
            return ValueError(f"The filter ends too early; it needs {expected} there.")
        spaces = ', or quotes, as in "New York", if this belongs to what is before it'
        return ValueError(
            f'The filter is not understood at "{_shown(token.text, 40)}" (character {token.start + 1}); '
            f"it needs {expected} there{spaces if token.kind == 'word' and self.place else ''}."
        )


def _tokens(text: str) -> list[Token]:
    found, start = [], 0
    end = len(text.rstrip())
    while start < end:
        match = TOKEN.match(text, start)
        if match is None:
            rest = text[start:end].lstrip()
            raise ValueError(
                f"The filter is not understood from character {end - len(rest) + 1} on, {_shown(rest, 40)}; "
                "a quote that opens must close, and comparisons are =, !=, <, <=, > and >=."
            )
        kind = str(match.lastgroup)
        content = match[kind]
        if kind == "quoted":
            content = re.sub(r"\\(.)", r"\1", content[1:-1], flags=re.DOTALL)
        elif kind == "name":
            content = content[1:-1].replace("``", "`")
        found.append(Token(kind, content, match.start(kind)))
        start = match.end()
    return [*found, Token("end", "", len(text))]


def _compare(column: str, values: pd.Series, sign: str, value: str) -> np.ndarray:
    absent = conditions.missing(values)
    if conditions.is_ordered(values):
        return COMPARISONS[sign](conditions.numbers(values), _number(column, values, value)) & ~absent
    if sign not in ("=", "!="):
        raise ValueError(f"{_shown(column, 60)} is a column of text, which {sign} cannot compare; use =, != or in.")
    return (_in(column, values, [value]) ^ (sign == "!=")) & ~absent


def _in(column: str, values: pd.Series, listed: list[str]) -> np.ndarray:
    if conditions.is_ordered(values):
        return np.isin(conditions.numbers(values), [_number(column, values, value) for value in listed])
    text = conditions.texts(values)
    if conditions.is_truth(values):
        listed = [value.capitalize() for value in listed]
    wanted = np.isin(np.array(text.categories, object).astype(str), listed)
    return np.append(wanted, False)[text.codes] & ~conditions.missing(values)


def _number(column: str, values: pd.Series, value: str) -> float:
    date = conditions.is_date(values)
    try:
        found = float(conditions.seconds([value])[0]) if date else float(value)
        if np.isfinite(found):
            return found
    except (ValueError, OverflowError):
        pass
    what = "dates, such as 2020-01-31" if date else "numbers"
    raise ValueError(f'{_shown(column, 60)} is a column of {what}; "{_shown(value, 40)}" is none.')


def _shown(text: str, length: int) -> str:
    """Text of others on one line, cut."""
    return words.cut(" ".join(text.split()), length)
