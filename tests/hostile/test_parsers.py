"""Properties of each parser that is ours: right, or refused in a sentence, for whatever hypothesis makes up."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile import parsers, seeds

SLOW = ("table", "archive", "cells", "image", "images")


def inputs(name: str) -> st.SearchStrategy[bytes]:
    """Words of the parser's language in any order, any text, any bytes, and good inputs with a part replaced."""
    made = [st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary(max_size=80)]
    if known := seeds.WORDS.get(name):
        made.insert(0, st.lists(st.sampled_from(known) | st.text(max_size=3), max_size=30).map(joined))
    spoilt = st.tuples(
        st.sampled_from(seeds.SEEDS[name]), st.integers(0, 1000), st.binary(max_size=6), st.integers(0, 6)
    )
    return st.one_of(*made, spoilt.map(replaced))


def joined(texts: list[str]) -> bytes:
    return "".join(texts).encode("utf-8", "surrogatepass")


def replaced(how: tuple[bytes, int, bytes, int]) -> bytes:
    """A good input in which a few bytes at some place, in thousandths, give way to others."""
    seed, place, new, n = how
    start = place * len(seed) // 1000
    return seed[:start] + new + seed[start + n :]


@pytest.mark.parametrize("name", parsers.PARSERS)
def test_a_parser_reads_rightly_or_refuses_in_a_sentence(name):
    n = 60 if name in SLOW else 200

    @settings(max_examples=n, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(inputs(name))
    def check(data):
        parsers.PARSERS[name](data)

    check()


@pytest.mark.parametrize("name", parsers.PARSERS)
def test_the_inputs_to_start_from_pass(name):
    for seed in seeds.SEEDS[name]:
        parsers.PARSERS[name](seed)
