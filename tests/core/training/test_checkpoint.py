"""Checkpoints are whole or not there, and hold nothing that runs."""

import os
import pathlib
import pickle

import pytest
import torch

from core.training import checkpoint


class Mine:
    """Unpickling this makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


def test_tensors_and_plain_values_come_back(tmp_path):
    checkpoint.save(tmp_path / "a.pt", {"w": torch.tensor([1.5, -2]), "epoch": 3, "list": [1, "x", None]})
    back = checkpoint.load(tmp_path / "a.pt")
    torch.testing.assert_close(back.pop("w"), torch.tensor([1.5, -2]))
    assert back == {"epoch": 3, "list": [1, "x", None]}


@pytest.mark.parametrize("n_bytes", [0, 1, 100, -1, -200])
def test_a_file_cut_short_is_refused_by_name(tmp_path, n_bytes):
    checkpoint.save(tmp_path / "a.pt", {"w": torch.zeros(100)})
    (tmp_path / "a.pt").write_bytes((tmp_path / "a.pt").read_bytes()[:n_bytes])
    with pytest.raises(ValueError, match=f"The checkpoint {tmp_path / 'a.pt'} cannot be read"):
        checkpoint.load(tmp_path / "a.pt")


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=f"The checkpoint {tmp_path / 'a.pt'} cannot be read"):
        checkpoint.load(tmp_path / "a.pt")


@pytest.mark.parametrize("write", [torch.save, lambda values, path: path.write_bytes(pickle.dumps(values))])
def test_a_file_with_code_in_it_is_refused_and_the_code_is_not_run(tmp_path, write):
    write({"w": Mine(tmp_path / "executed")}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="cannot be read"):
        checkpoint.load(tmp_path / "a.pt")
    assert not (tmp_path / "executed").exists()


def test_the_refusal_is_one_line_and_no_advice_to_run_the_code(tmp_path):
    torch.save({"w": Mine(tmp_path / "executed")}, tmp_path / "a.pt")
    with pytest.raises(ValueError) as error:
        checkpoint.load(tmp_path / "a.pt")
    assert "\n" not in str(error.value)
    assert "weights_only" not in str(error.value)


def test_a_save_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    checkpoint.save(tmp_path / "a.pt", {"epoch": 1})
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save(tmp_path / "a.pt", {"epoch": lambda: 2})
    assert checkpoint.load(tmp_path / "a.pt") == {"epoch": 1}
    assert os.listdir(tmp_path) == ["a.pt"]
