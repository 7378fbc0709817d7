"""What a run is asked to do."""

import dataclasses
import json

import numpy as np
import pytest

from core import config, data
from core.config import AugmentConfig, DataConfig, NetConfig, TrainConfig, TrainingConfig
from tests.core import toys


@pytest.mark.parametrize(("dataset", "net"), [(toys.table(), "mlp"), (toys.images(), "cnn")])
def test_suggest_takes_a_net_for_the_kind_of_data(dataset, net):
    assert config.suggest(dataset).net.name == net


def test_suggest_aims_at_800_steps_of_small_batches_for_a_small_set():
    training = config.suggest(data.get("breast_cancer")).training
    # 569 rows, 65% of them to train on: 370 rows, 12 steps of 32; 800 / 12 = 66.7 epochs
    assert (training.batch_size, training.epochs) == (32, 67)


def test_suggest_never_takes_more_than_100_epochs_by_itself():
    assert config.suggest(toys.table()).training.epochs == 100


@pytest.mark.parametrize("name", data.available())
def test_what_is_suggested_for_a_source_is_within_the_ranges(name):
    suggested = config.suggest(data.get(name))
    assert TrainConfig.from_dict(suggested.to_dict()) == suggested


def test_settings_given_to_suggest_win():
    training = config.suggest(toys.table(), lr=0.5, epochs=3, batch_size=7, seed=9).training
    assert (training.lr, training.epochs, training.batch_size, training.seed) == (0.5, 3, 7, 9)


def test_suggest_keeps_the_split_that_was_asked_for():
    suggested = config.suggest(toys.table(), plan=DataConfig(val_fraction=0.3, split_seed=4))
    assert suggested.data == DataConfig("iris", toys.table().fingerprint[:12], val_fraction=0.3, split_seed=4)


@pytest.mark.parametrize(
    "settings", [{"epochs": 0}, {"batch_size": -1}, {"batch_size": "many"}, {"lr": -1}, {"lr": float("nan")}]
)
def test_suggest_refuses_a_setting_out_of_range_by_name(settings):
    with pytest.raises(ValueError, match=f"^{next(iter(settings))} is .*; it must be "):
        config.suggest(toys.table(), **settings)


def test_suggest_refuses_a_split_out_of_range():
    with pytest.raises(ValueError, match="val_fraction is 0"):
        config.suggest(toys.table(), plan=DataConfig(val_fraction=0))


def test_suggest_refuses_an_unknown_setting_and_lists_those_there_are():
    with pytest.raises(ValueError, match="There is no setting 'learning_rate' here; the settings are epochs,"):
        config.suggest(toys.table(), learning_rate=1)


def test_a_net_for_images_on_a_table_is_refused_with_a_net_that_fits():
    with pytest.raises(
        ValueError,
        match=r"The net cnn is for images but the data set iris is made of tables; choose .*mlp.* instead.",
    ):
        config.suggest(toys.table(), "cnn")


def test_an_unknown_net_is_refused_with_the_near_one():
    with pytest.raises(LookupError, match=r"There is no net 'mpl'; there are .*Did you mean mlp"):
        config.suggest(toys.table(), "mpl")


def test_an_unknown_data_set_is_refused():
    wrong = dataclasses.replace(config.suggest(toys.table()), data=DataConfig("irs"))
    with pytest.raises(LookupError, match=r"There is no data set 'irs'; there are .*iris"):
        config.check_together(wrong, toys.table().schema)


def test_an_option_the_net_does_not_have_is_refused():
    wrong = dataclasses.replace(config.suggest(toys.table()), net=NetConfig("mlp", {"width": 3}))
    with pytest.raises(ValueError, match="There is no setting 'width' here"):
        config.check_together(wrong, toys.table().schema)


def test_a_config_survives_json():
    given = TrainConfig(
        DataConfig("wine", split="group", split_by="grower", val_fraction=0.3, split_seed=5),
        NetConfig("mlp", {"hidden": 3}),
        TrainingConfig(epochs=2, lr=0.125),
        AugmentConfig(flip=True, crop=0.5),
    )
    assert TrainConfig.from_dict(json.loads(json.dumps(given.to_dict(), allow_nan=False))) == given


def test_a_config_carries_its_format():
    assert TrainConfig().to_dict()["format"] == 1


@pytest.mark.parametrize("part", ["data", "net", "training", "augment"])
def test_an_unknown_name_in_stored_settings_is_refused(part):
    values = TrainConfig().to_dict()
    values[part]["colour"] = "red"
    with pytest.raises(ValueError, match="There is no setting 'colour' here"):
        TrainConfig.from_dict(values)


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().training.lr = 1.0


def test_settings_of_data_and_augmentation_may_be_given_by_name():
    suggested = config.suggest(toys.images(), split="stratified", flip=True, shift=0.1, resample=0.5)
    assert (suggested.data.split, suggested.augment.flip, suggested.augment.shift) == ("stratified", True, 0.1)
    assert suggested.training.resample == 0.5


def test_augmentation_of_a_table_is_refused():
    with pytest.raises(ValueError, match="Augmentation is for images; leave its settings out for a table"):
        config.suggest(toys.table(), flip=True)


def test_a_fold_that_is_none_is_refused():
    with pytest.raises(ValueError, match="fold is 3; with 3 folds it must be below that"):
        config.suggest(toys.table(), folds=3, fold=3)


def test_photographs_are_flipped_and_cropped_and_seen_small_by_default():
    photos = dataclasses.replace(toys.images(n=2), images=np.zeros((2, 3, 224, 224), np.uint8))
    suggested = config.suggest(photos)
    assert (suggested.augment.flip, suggested.augment.crop, suggested.data.image_size) == (True, 0.6, 64)
    assert config.seen_by_net(suggested, photos.schema).shape == (3, 64, 64)
    assert config.suggest(photos, crop=1.0, image_size=96).data.image_size == 96


def test_small_pictures_are_seen_as_they_are():
    suggested = config.suggest(toys.images())
    assert (suggested.augment, suggested.data.image_size) == (AugmentConfig(), 0)
    assert config.seen_by_net(suggested, toys.images().schema) == toys.images().schema


def test_a_config_from_before_there_were_lists_leaves_nothing_out():
    values = TrainConfig().to_dict()
    del values["data"]["without"]
    assert TrainConfig.from_dict(values) == TrainConfig()
