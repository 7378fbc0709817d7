"""Numbers as a person reads them."""

import datetime

import pytest

from core import words


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.percent(0.9889), "98.9%"),
        (words.percent(0), "0.0%"),
        (words.percent(None), "not defined"),
        (words.interval({"value": 0.989, "low": 0.972, "high": 0.997}), "98.9% (97.2 to 99.7)"),
        (words.interval({"value": None, "low": None, "high": None}), "not defined"),
        (words.area(0.99964), "0.9996"),
        (words.area(0.99999), "0.9999"),  # only a perfect one reads 1
        (words.area(1.0), "1.000"),
        (words.area(0.5), "0.500"),
        (words.area(0), "0.000"),
        (words.decimal(8.71e-5), "0.000087"),
        (words.decimal(1e-5, 1), "0.00001"),
        (words.decimal(0.1349), "0.13"),
        (words.decimal(1234.0), "1200"),
        (words.decimal(0), "0"),
        (words.at_most(8.7e-8), "0.000001"),
        (words.at_most(0), "0.000001"),
        (words.at_most(3.2e-5), "0.00004"),
        (words.at_most(9.6e-5), "0.0001"),
        (words.at_most(1e-4), "0.0001"),
        (words.named("1"), "class 1"),
        (words.named("-1", start=True), "Class -1"),
        (words.named("malignant", start=True), "malignant"),
        (words.area(None), "not defined"),
        (words.duration(None), ""),
        (words.duration(0.04), "0.0 s"),
        (words.duration(9.96), "10.0 s"),
        (words.duration(59.4), "59 s"),
        (words.duration(130), "2 min 10 s"),
        (words.duration(59.6), "1 min"),
        (words.duration(1860), "31 min"),
        (words.duration(7260), "2 h 1 min"),
        (words.duration(7200), "2 h"),
        (words.size(999), "999 bytes"),
        (words.size(13_600_000), "13.6 MB"),
        (words.size(2e9), "2.0 GB"),
        (words.roughly(2.5e6), "under 10 MB"),
        (words.roughly(194_300_000), "about 190 MB"),
        (words.roughly(997e6), "about 1.0 GB"),
        (words.roughly(2_049e6), "about 2.0 GB"),
        (words.count(1, "image"), "1 image"),
        (words.count(1204, "image"), "1,204 images"),
        (words.count(2, "class"), "2 classes"),
        (words.when(None), ""),
    ],
)
def test_a_number_reads_as_a_person_would_say_it(said, expected):
    assert said == expected


def test_days_are_named_where_they_are_near():
    noon = datetime.datetime(2026, 11, 2, 12).timestamp()
    day = 24 * 3600
    assert words.when(noon, now=noon + 60) == "today 12:00"
    assert words.when(noon, now=noon + day) == "yesterday 12:00"
    assert words.when(noon, now=noon + 9 * day) == "2026-11-02 12:00"


def test_a_moment_is_a_full_date_with_its_zone():
    moment = datetime.datetime(2026, 11, 2, 9, 30, 5).astimezone()
    assert words.moment(moment.timestamp()) == f"2026-11-02 at 09:30:05 {moment.tzname()}"
    assert words.moment(None) is None and words.moment(1e300) is None


def test_names_are_made_distinct_also_from_those_that_have_a_number():
    assert words.distinct(["a", "a", "a (2)"]) == ["a", "a (3)", "a (2)"]


def test_a_sentence_with_markup_in_it_is_shown_as_it_is_and_one_without_stays_as_it_is():
    plain = "Run breast_cancer-1 (3.5 MB) has none yet: python -m exports onnx 2026-01-02-a-b."
    assert words.literal(plain) == plain
    assert words.literal("<b>a</b> *b* $c$ :red[d] [e](http://f)") == (
        "\\<b>a\\</b> \\*b\\* \\$c\\$ \\:red\\[d\\] \\[e\\](http\u2060://f)"
    )
    assert words.literal("# a\n1. b\n- c") == "\\# a\n1\\. b\n\\- c"
