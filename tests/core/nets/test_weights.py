"""Weights to start from: files, earlier runs, and what is refused."""

import pathlib
import pickle

import pytest
import torch
from safetensors.torch import save_file

from core import config, jobs, runs
from core.config import NetConfig
from core.model import Model
from core.nets import weights
from core.training import checkpoint
from tests.core import toys

MOBILENET = pathlib.Path(__file__).parents[4] / "shared" / "data" / "weights" / "mobilenet_v2_imagenet.pth"
ARCH = "squeezenet1_1"
SCHEMA = toys.image_schema(3, 64, 64)


def fresh(path="", schema=SCHEMA, name="pretrained", **options):
    """A model with fresh weights, and the config that asks for the ones at `path`."""
    if name == "pretrained":
        options = {"arch": ARCH} | options
    net = NetConfig(name, options, str(path))
    return Model(schema, net).eval(), net


def published(n_classes=1000):
    """The tensors of torchvision's net, all different from fresh ones, by the names it gives them."""
    from torchvision import models

    torch.manual_seed(7)
    return models.get_model(ARCH, num_classes=n_classes).state_dict()


def stored(tmp_path, values, name="weights.pth"):
    torch.save(values, tmp_path / name)
    return tmp_path / name


@pytest.fixture
def run():
    """A run on pictures with trained weights, on paper."""
    dataset = toys.images()
    model = toys.cnn(*dataset.schema.shape, classes=dataset.classes, width=4, hidden=8, seed=3)
    model.preprocess.fit(torch.from_numpy(dataset.images))
    asked = config.TrainConfig(config.DataConfig("digits"), NetConfig("cnn", {"width": 4, "hidden": 8}))
    name = runs.create(asked, dataset.schema, "0" * 64)
    runs.path(name, "checkpoints").mkdir(exist_ok=True)
    checkpoint.save(runs.path(name, "checkpoints", "best.pt"), {"model": model.state_dict(), "epoch": 1})
    return name, model


def test_random_weights_are_none():
    model, net = fresh("random")
    assert weights.start(model, net) is None


def test_torchvisions_names_are_found_in_the_backbone_and_its_head_is_reported(tmp_path):
    model, net = fresh(stored(tmp_path, published()))
    report = weights.start(model, net)
    for name, value in model.net.backbone.body.state_dict().items():
        assert torch.equal(value, published()[name])
    assert report.pop("sha256") and report.pop("source") == str(tmp_path / "weights.pth")
    n_tensors = len(model.net.backbone.state_dict())
    assert report == {
        "loaded": n_tensors,
        "missing": [],
        "unexpected": [],
        "reshaped": ["head.linear.weight", "head.linear.bias"],
    }


def test_of_a_head_with_a_hidden_layer_nothing_is_there(tmp_path):
    report = weights.start(*fresh(stored(tmp_path, published()), hidden=3))
    assert report["missing"] == [
        f"head.{layer}.{part}" for layer in ("hidden", "linear") for part in ("weight", "bias")
    ]
    assert report["unexpected"] == ["classifier.1.weight", "classifier.1.bias"]


@pytest.mark.skipif(not MOBILENET.exists(), reason="the weights are not in ../shared/data/weights")
def test_half_precision_weights_of_other_classes_fill_the_backbone_alone():
    model, net = fresh(MOBILENET, arch="mobilenet_v2")
    report = weights.start(model, net)
    assert (report["loaded"], report["missing"], report["unexpected"]) == (312, [], [])
    assert report["reshaped"] == ["head.linear.weight", "head.linear.bias"]
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    whole = torch.load(MOBILENET, weights_only=True)["features.0.0.weight"].float()
    assert torch.equal(model.net.backbone.body.features[0][0].weight, whole)


@pytest.mark.skipif(not MOBILENET.exists(), reason="the weights are not in ../shared/data/weights")
def test_the_head_of_as_many_classes_is_taken_over_if_it_is_linear():
    classes = tuple(f"c{i}" for i in range(1000))
    model, net = fresh(MOBILENET, toys.image_schema(3, 64, 64, classes=classes), arch="mobilenet_v2")
    assert weights.start(model, net)["loaded"] == 314


@pytest.mark.parametrize("box", ["state_dict", "model", "model_state_dict"])
@pytest.mark.parametrize("prefix", ["", "module.", "net.", "module._orig_mod."])
def test_boxes_and_prefixes_around_the_tensors_are_taken_off(tmp_path, box, prefix):
    values = {box: {f"{prefix}{name}": value for name, value in published().items()}, "epoch": 3}
    model, net = fresh(stored(tmp_path, values))
    assert weights.start(model, net)["loaded"] == len(published()) - 2


def test_a_safetensors_file_is_read(tmp_path):
    save_file(published(), tmp_path / "weights.safetensors")
    model, net = fresh(tmp_path / "weights.safetensors")
    assert weights.start(model, net)["loaded"] == len(published()) - 2


def test_half_of_the_bits_are_enough(tmp_path):
    model, net = fresh(stored(tmp_path, {name: value.half() for name, value in published().items()}))
    weights.start(model, net)
    first = model.net.backbone.body.features[0].weight
    assert first.dtype == torch.float32
    torch.testing.assert_close(first, published()["features.0.weight"].half().float())


def test_what_is_missing_unexpected_or_of_another_shape_is_listed(tmp_path):
    values = published()
    del values["features.0.bias"]
    values["extra.weight"] = torch.zeros(2)
    values["features.3.squeeze.bias"] = torch.zeros(5)
    model, net = fresh(stored(tmp_path, values))
    report = weights.start(model, net)
    assert "backbone.body.features.0.bias" in report["missing"]
    assert "extra.weight" in report["unexpected"]
    assert report["reshaped"][0] == "backbone.body.features.3.squeeze.bias"


def test_weights_of_another_architecture_are_refused(tmp_path):
    model, net = fresh(stored(tmp_path, published()), arch="shufflenet_v2_x0_5")
    with pytest.raises(
        ValueError, match=r"are of another architecture: 0 of the .* Choose the net that they were made with"
    ):
        weights.start(model, net)


def test_a_pickle_with_code_in_it_is_refused_and_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return pathlib.Path.touch, (tmp_path / "it-ran",)

    paths = [stored(tmp_path, {"a": torch.zeros(1), "b": Bomb()}), tmp_path / "plain.pth"]
    paths[1].write_bytes(pickle.dumps({"b": Bomb()}, protocol=2))
    for path in paths:
        with pytest.raises(
            ValueError, match="holds more than tensors, and reading it could run code, so it was not read"
        ):
            weights.start(*fresh(path))
    assert not (tmp_path / "it-ran").exists()


def test_a_whole_net_in_a_file_is_refused_with_what_to_save_instead(tmp_path):
    with pytest.raises(ValueError, match=r"holds more than tensors.*save the net's state_dict\(\) alone"):
        weights.start(*fresh(stored(tmp_path, torch.nn.Linear(2, 2))))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_file_cut_short_is_refused(tmp_path, share, ending):
    save_file(published(), tmp_path / "a.safetensors")
    stored(tmp_path, published(), "a.pth")
    content = (tmp_path / f"a.{ending}").read_bytes()
    (tmp_path / f"cut.{ending}").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=rf"cut.{ending} cannot be read: it is damaged"):
        weights.start(*fresh(tmp_path / f"cut.{ending}"))


@pytest.mark.parametrize("values", [torch.zeros(3), {"epoch": 3}, [torch.zeros(1)]])
def test_a_file_without_named_tensors_is_refused(tmp_path, values):
    with pytest.raises(ValueError, match=r"holds no named tensors but a \w+; save a net's state_dict\(\)"):
        weights.start(*fresh(stored(tmp_path, values)))


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    values = published() | {"features.0.bias": torch.full((64,), torch.nan)}
    with pytest.raises(ValueError, match=r"hold values that are no numbers, in backbone.body.features.0.bias"):
        weights.start(*fresh(stored(tmp_path, values)))


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"There is no weights file /nowhere/a.pth; give the path"):
        weights.start(*fresh("/nowhere/a.pth"))


def test_a_name_that_a_net_does_not_know_is_refused():
    with pytest.raises(LookupError, match="The net cnn knows no weights 'IMAGENET'; give the path"):
        weights.start(*fresh("IMAGENET", name="cnn"))


def test_positions_of_patches_are_resampled_for_another_size():
    before = torch.randn(1, 1 + 49, 6)
    after = weights._resampled(before, torch.zeros(1, 1 + 16, 6))
    assert after.shape == (1, 17, 6)
    assert torch.equal(after[:, 0], before[:, 0])
    torch.testing.assert_close(after[:, 1], before[:, 1])  # the corners stay corners
    torch.testing.assert_close(after[:, -1], before[:, -1])


# ---------------------------------------------------------------------------------------------------- earlier runs


def test_an_earlier_run_gives_its_weights_and_what_it_did_to_its_samples(run):
    name, before = run
    model, net = fresh(f"run:{name}", before.schema, "cnn", width=4, hidden=8)
    report = weights.start(model, net)
    assert (report["source"], report["missing"], report["unexpected"], report["reshaped"]) == (
        f"run:{name}",
        [],
        [],
        [],
    )
    x = torch.randint(0, 256, (3, 1, 2, 3), dtype=torch.uint8)
    torch.testing.assert_close(model.eval()(x), before(x))
    model.preprocess.fit(torch.zeros(3, 1, 2, 3, dtype=torch.uint8))  # stays as it was
    torch.testing.assert_close(model(x), before(x))


def test_the_head_of_other_classes_is_left_out_even_if_there_are_as_many(run):
    schema = toys.image_schema(1, 2, 3, classes=("cat", "dog"))
    report = weights.start(*fresh(f"run:{run[0]}", schema, "cnn", width=4, hidden=8))
    assert report["reshaped"] == ["head.3.weight", "head.3.bias"]


def test_more_classes_than_the_weights_have_is_fine(run):
    schema = toys.image_schema(1, 2, 3, classes=tuple("abcde"))
    report = weights.start(*fresh(f"run:{run[0]}", schema, "cnn", width=4, hidden=8))
    assert report["reshaped"] == ["head.3.weight", "head.3.bias"]


def test_a_file_copied_from_a_run_is_as_good_as_the_run(run, tmp_path):
    name, before = run
    (tmp_path / "copy.pt").write_bytes(runs.path(name, "checkpoints", "best.pt").read_bytes())
    model, net = fresh(tmp_path / "copy.pt", before.schema, "cnn", width=4, hidden=8)
    assert weights.start(model, net)["missing"] == []
    assert torch.equal(model.preprocess.mean, before.preprocess.mean)


def test_a_run_of_another_net_is_refused(run):
    with pytest.raises(ValueError, match=f"The weights run:{run[0]} are of another architecture"):
        weights.start(*fresh(f"run:{run[0]}", toys.image_schema(1, 2, 3), "residual_cnn"))


def test_a_run_that_is_not_there_is_refused():
    with pytest.raises(LookupError, match="There is no run 2026-01-01-no-run with trained weights"):
        weights.start(*fresh("run:2026-01-01-no-run", name="cnn"))


def test_a_run_on_other_columns_is_refused():
    dataset = toys.table()
    name = runs.create(config.TrainConfig(config.DataConfig("iris"), NetConfig("mlp")), dataset.schema, "0" * 64)
    runs.path(name, "checkpoints").mkdir(exist_ok=True)
    checkpoint.save(
        runs.path(name, "checkpoints", "best.pt"), {"model": Model(dataset.schema, NetConfig("mlp")).state_dict()}
    )
    with pytest.raises(ValueError, match=f"The weights run:{name} were trained on other columns"):
        weights.start(*fresh(f"run:{name}", toys.table_schema(), "mlp"))


@pytest.mark.slow
def test_a_run_of_its_own_process_starts_from_an_earlier_one(finished):
    from core import data

    asked = config.suggest(data.get("digits"), epochs=1, lr=1e-8, weights=f"run:{finished['digits']}")
    name = jobs.start(asked)
    assert jobs.wait(name) == "done"
    assert runs.read_json(name, "weights.json")["source"] == f"run:{finished['digits']}"
    assert runs.history(name)[0]["val_accuracy"] > 0.8
