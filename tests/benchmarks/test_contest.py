"""What the benchmarks of training share: their arithmetic, and that contestants are measured alike."""

import numpy as np
import pytest

from benchmarks import _contest, gpu
from benchmarks._contest import Clock, Contestant, Problem, Reached


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (96, 4)).astype(np.float32)
    y = (x[:, 0] > 3).astype(np.int64)
    return Problem("table", x[:64], y[:64], x[64:], y[64:], n_classes=2, batch_size=16, epochs=3)


def test_a_problem_is_the_same_after_it_went_through_a_file(problem, tmp_path):
    problem.save(tmp_path / "problem.npz")
    again = Problem.load(tmp_path / "problem.npz")
    assert (again.kind, again.epochs, again.ours) == ("table", 3, {})
    np.testing.assert_array_equal(again.raw, problem.raw)
    np.testing.assert_array_equal(again.y_aside, problem.y_aside)


def test_samples_ready_for_a_net_have_mean_0_and_deviation_1_by_the_training_samples(problem):
    np.testing.assert_allclose(problem.x.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(problem.x.std(0), 1, atol=1e-6)
    np.testing.assert_allclose(problem.ready(problem.raw[:5]), problem.x[:5])


def test_the_clock_counts_from_the_end_of_the_first_epoch(problem, monkeypatch):
    times = iter([0.0, 10.0, 12.0, 15.0])
    monkeypatch.setattr(_contest.time, "perf_counter", lambda: next(times))
    clock = Clock(problem)
    for _ in range(3):
        clock()
    assert clock.answer() == {"seconds": 5.0}


def test_the_clock_stands_while_the_accuracy_is_looked_at(problem, monkeypatch):
    times = iter([0.0, 10.0, 17.0, 20.0, 21.0])  # begin, an epoch, 7 s of looking, an epoch, looking
    monkeypatch.setattr(_contest.time, "perf_counter", lambda: next(times))
    clock = Clock(Problem(**{**vars(problem), "target": 0.9}))
    clock(lambda *_: np.eye(2)[1 - problem.y_aside])
    with pytest.raises(Reached):
        clock(lambda *_: np.eye(2)[problem.y_aside])
    assert clock.answer() == {"seconds": 13.0, "accuracies": [0.0, 1.0]}


def test_a_peer_that_fails_is_left_out_and_the_others_go_on(capsys):
    def broken(seed):
        if seed:
            raise RuntimeError("no room")
        return seed

    assert _contest.take_turns({"a": lambda seed: seed, "b": broken}, 3) == {"a": [0, 1, 2]}
    assert "b is left out: no room" in capsys.readouterr().out


def test_figures_are_a_median_and_the_ends():
    assert _contest.shown([1000.0, 3000.0, 2000.0]) == "2,000 (1,000 to 3,000)"
    assert _contest.against([2.0, 9.0], [1.0, 3.0]) == "2.50 (2.00 to 3.00)"


def test_packages_that_are_not_there_are_left_out_with_a_sentence(capsys):
    assert _contest.installed({"numpy": "numpy", "none": "no_such_package"}) == ["numpy"]
    assert "no_such_package" in capsys.readouterr().out


@pytest.mark.slow
def test_contestants_answer_from_processes_of_their_own(problem, tmp_path):
    problem.save(tmp_path / "problem.npz")
    names = ("raw_fp32", "plain", "vitrine")
    contestants = {name: Contestant(name, tmp_path / "problem.npz", tmp_path) for name in names}
    with _contest.together(contestants):
        answers = {name: one.turn(0) for name, one in contestants.items()}
    assert all(answer["seconds"] > 0 for answer in answers.values())
    assert answers["vitrine"]["precision"] == "fp32"


def test_a_contestant_that_cannot_train_says_why(tmp_path):
    contestant = Contestant("no_such_peer", tmp_path / "none.npz", tmp_path)
    with _contest.together({"one": contestant}), pytest.raises(RuntimeError, match="no_such_peer"):
        contestant.turn(0)


@pytest.mark.parametrize(
    "name, peak",
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA RTX A4000", None),
    ],
)
def test_the_peak_of_a_card_is_found_by_its_name(name, peak):
    assert gpu.peak(name) == peak


def test_without_a_gpu_the_benchmark_says_so_in_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu.sys, "argv", ["gpu.py"])
    gpu.main()
    assert capsys.readouterr().out.count("\n") == 1
