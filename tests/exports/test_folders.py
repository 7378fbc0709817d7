"""Folders of this machine do not leave it."""

import pytest

from exports.folders import without_folders


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The file /home/anna/data/heart.csv.", "The file heart.csv."),
        ("C:\\data\\b.csv is gone", "b.csv is gone"),
        ("see https://example.org/a/b and 3/4 of them", "see https://example.org/a/b and 3/4 of them"),
        ("test/dress/a.jpg", "test/dress/a.jpg"),
        ("file:///srv/anna/x.csv", "x.csv"),
        ("file:///C:/anna/x.csv", "x.csv"),
        (r"\\server\share\x.csv", "x.csv"),
        ("/secret.csv, 1/2", "secret.csv, 1/2"),
        ("yes/no and / or /", "yes/no and / or /"),
    ],
)
def test_a_path_loses_its_folders(text, expected):
    assert without_folders(text) == expected


def test_a_home_with_a_space_in_it_goes_whole(monkeypatch, tmp_path):
    home = tmp_path / "Anna Smith"
    monkeypatch.setenv("HOME", str(home))
    assert without_folders(f"from {home}/data/heart.csv.") == "from heart.csv."
