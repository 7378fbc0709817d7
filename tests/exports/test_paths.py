"""Folders of this machine do not leave it."""

import pytest

from exports._paths import without_folders


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The file /home/anna/data/heart.csv.", "The file heart.csv."),
        ("C:\\data\\b.csv is gone", "b.csv is gone"),
        ("see https://example.org/a/b and 3/4 of them", "see https://example.org/a/b and 3/4 of them"),
        ("test/dress/a.jpg", "test/dress/a.jpg"),
    ],
)
def test_a_path_loses_its_folders(text, expected):
    assert without_folders(text) == expected
