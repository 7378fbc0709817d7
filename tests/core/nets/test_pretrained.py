"""torchvision's nets: a new head whatever the family, sizes, the catalogue, downloads."""

import functools
import hashlib
import http.server
import subprocess
import sys
import threading

import pytest
import torch

from core import jobs, nets
from core.config import NetConfig
from core.model import Model
from core.nets import pretrained
from tests.core import toys

EACH_FAMILY = {  # a small member, and the name that torchvision gives its last layer
    "alexnet": "classifier.6",
    "convnext_tiny": "classifier.2",
    "densenet121": "classifier",
    "efficientnet_b0": "classifier.1",
    "googlenet": "fc",
    "inception_v3": "fc",
    "maxvit_t": "classifier.5",
    "mnasnet0_5": "classifier.1",
    "mobilenet_v2": "classifier.1",
    "mobilenet_v3_small": "classifier.3",
    "regnet_y_400mf": "fc",
    "resnet18": "fc",
    "shufflenet_v2_x0_5": "fc",
    "squeezenet1_1": "classifier.1",
    "swin_t": "head",
    "vgg11": "classifier.6",
    "vit_b_32": "heads.head",
}


def model(arch, *shape, weights="", **options):
    return Model(toys.image_schema(*shape), NetConfig("pretrained", {"arch": arch, **options}, weights)).eval()


@pytest.mark.slow
@pytest.mark.parametrize("arch", EACH_FAMILY)
def test_the_head_is_replaced_whatever_the_family_calls_it(arch):
    made = model(arch, 3, 224, 224)
    assert made.net.backbone.last == EACH_FAMILY[arch]
    x = torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8)
    with torch.no_grad():
        features = made.net.backbone(made.preprocess(x))
        assert features.shape == (2, made.net.backbone.n_features)
        assert made(x).shape == (2, 2)


def test_a_new_family_of_torchvision_is_noticed():
    families = {entry["family"] for entry in pretrained.catalogue()}
    assert families == {entry["family"] for entry in pretrained.catalogue() if entry["arch"] in EACH_FAMILY}


def test_the_catalogue_says_of_each_net_what_is_known_of_its_weights_and_is_read_again_without_torch():
    assert pretrained.known() is None
    entries = pretrained.catalogue()
    assert pretrained.known() == entries
    (entry,) = [entry for entry in entries if entry["arch"] == "mobilenet_v2"]
    assert 13e6 < entry.pop("n_bytes") < 15e6
    assert entry == {
        "arch": "mobilenet_v2",
        "family": "MobileNetV2",
        "weights": ["IMAGENET1K_V2", "IMAGENET1K_V1"],
        "n_parameters": 3_504_872,
        "gflops": 0.301,
        "accuracy": pytest.approx(0.72154),
        "image_size": 224,
    }
    code = "import sys; from core.nets import pretrained; assert pretrained.known() and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=jobs.ROOT, check=True)


def test_a_damaged_catalogue_is_made_again():
    pretrained.catalogue()
    pretrained._catalogue_path().write_text("{")
    assert pretrained.known() is None
    assert len(pretrained.catalogue()) > 50


def test_the_best_size_is_that_of_the_catalogue_and_224_before_there_is_one():
    assert nets.image_size("pretrained", {"arch": "inception_v3"}) == 224
    pretrained.catalogue()
    assert nets.image_size("pretrained", {"arch": "inception_v3"}) == 299


def test_each_weights_set_says_how_it_wants_images():
    wanted = nets.preprocessing("pretrained", {"arch": "efficientnet_b0"}, "")
    assert wanted == {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "zoom": 256 / 224, "cubic": True}
    assert nets.preprocessing("pretrained", {}, "IMAGENET1K_V2")["zoom"] == 232 / 224
    assert nets.preprocessing("pretrained", {}, "/there/mobilenet_v2-b0353104.pth")["zoom"] == 256 / 224


def test_of_a_file_it_is_not_known_how_much_was_cut_off_and_of_random_weights_nothing():
    assert nets.preprocessing("pretrained", {}, "/there/mine.pth")["zoom"] == 1
    assert nets.preprocessing("pretrained", {}, "random") == {}


def test_a_hidden_head_is_linear_relu_dropout_linear():
    layers = list(model("squeezenet1_1", 3, 64, 64, hidden=500, dropout=0.3).net.head)
    assert [type(layer).__name__ for layer in layers] == ["Linear", "ReLU", "Dropout", "Linear"]
    assert (layers[0].out_features, layers[2].p) == (500, 0.3)


def test_from_scratch_a_net_takes_grey_images_too():
    made = model("squeezenet1_1", 1, 64, 64, weights="random")
    made.preprocess.fit(torch.randint(0, 256, (4, 1, 64, 64), dtype=torch.uint8))
    assert made.preprocess.mean.shape == (1, 1, 1, 1)
    assert made(torch.zeros(2, 1, 64, 64, dtype=torch.uint8)).shape == (2, 2)


@pytest.mark.parametrize("weights", ["", "random"])
def test_images_of_other_channels_are_refused(weights):
    with pytest.raises(
        ValueError, match="squeezenet1_1 takes grey or colour images, and these have 4 channels; choose"
    ):
        model("squeezenet1_1", 4, 64, 64, weights=weights)


def test_an_image_smaller_than_the_net_allows_is_refused_with_the_size_it_needs():
    with pytest.raises(
        ValueError, match="Images of 16x16 pixels are too small for squeezenet1_1; set image_size to 224"
    ):
        model("squeezenet1_1", 3, 16, 16)


@pytest.mark.slow
@pytest.mark.parametrize(("arch", "size"), [("vit_b_32", (100, 100)), ("maxvit_t", (100, 100))])
def test_a_size_that_does_not_go_into_patches_is_refused_with_one_that_does(arch, size):
    with pytest.raises(ValueError, match=f"{arch} cannot be built for images of 100x100 .*; set image_size to 224"):
        model(arch, 3, *size)


def test_a_net_that_needs_squares_says_so():
    with pytest.raises(ValueError, match="vit_b_32 takes square images, and these are 64x96; set image_size"):
        model("vit_b_32", 3, 64, 96)


def test_an_unknown_architecture_is_refused_with_the_near_one():
    with pytest.raises(LookupError, match=r"torchvision has no architecture 'resnet81'.*Did you mean resnet18"):
        model("resnet81", 3, 64, 64)


def test_unknown_weights_are_refused_with_those_there_are():
    with pytest.raises(LookupError, match="no weights 'V9' for resnet18; there are IMAGENET1K_V1"):
        pretrained.fetch(pretrained.Options("resnet18"), "V9")


# ---------------------------------------------------------------------------------------------------- downloads


@pytest.fixture
def served(tmp_path):
    """A folder, and the address under which its files are."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_download_says_how_far_it_is_and_is_whole(served, tmp_path):
    folder, address = served
    content = bytes(range(256)) * 3000
    name = f"net-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    (folder / name).write_bytes(content)
    said = []
    path = pretrained.download(f"{address}/{name}", tmp_path / "there" / name, lambda *what: said.append(what))
    assert path.read_bytes() == content
    assert [fraction for _, fraction in said] == sorted(fraction for _, fraction in said)
    assert said[-1] == (f"Downloading {name}, 0.8 MB so far", 1.0)


def test_a_download_that_is_not_what_it_should_be_is_not_kept(served, tmp_path):
    folder, address = served
    (folder / "net-00000000.pth").write_bytes(b"something else")
    with pytest.raises(
        ValueError, match=r"net-00000000.pth could not be downloaded .*what came is not what it should be"
    ):
        pretrained.download(f"{address}/net-00000000.pth", tmp_path / "net-00000000.pth")
    assert not list(tmp_path.glob("*net-*"))


def test_without_a_network_the_sentence_says_what_to_do_instead(served, tmp_path):
    with pytest.raises(
        ValueError, match=r"could not be downloaded from .*give the path of a file.*or choose weights=random"
    ):
        pretrained.download(f"{served[1]}/absent.pth", tmp_path / "absent.pth")


def test_a_download_that_is_stopped_leaves_nothing_behind(served, tmp_path):
    folder, address = served
    (folder / "net.pth").write_bytes(bytes(10_000))

    def stop(*_):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        pretrained.download(f"{address}/net.pth", tmp_path / "there" / "net.pth", stop)
    assert list((tmp_path / "there").iterdir()) == []
