"""What many tests share is made once, by the first that asks, whichever process it is in."""

import multiprocessing

import pytest

from tests.workspaces import once


def test_a_folder_is_filled_once_and_what_the_build_returned_is_given_to_all(tmp_path):
    place, calls = tmp_path / "place", []

    def build() -> dict[str, int]:
        (place / "file.txt").write_text("here")
        calls.append(1)
        return {"n": len(calls)}

    assert [once(place, build) for _ in range(3)] == [{"n": 1}] * 3
    assert (place / "file.txt").read_text() == "here"


def test_what_a_failed_build_left_is_gone_when_the_next_one_begins(tmp_path):
    place = tmp_path / "place"

    def fail() -> None:
        (place / "half.txt").touch()
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        once(place, fail)
    assert once(place, lambda: sorted(path.name for path in place.iterdir())) == []


def test_processes_that_ask_at_the_same_time_share_one_build(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(build_at, [tmp_path / "place"] * 4, chunksize=1)
    assert (tmp_path / "place" / "calls.txt").read_text() == "x"


def build_at(place) -> None:
    once(place, lambda: (place / "calls.txt").open("a").write("x"))
