"""Every net keeps the same promises; a new file in core/nets is tested from its first day."""

import dataclasses
import subprocess
import sys

import pytest
import torch

from core import jobs, nets
from core.config import NetConfig
from core.data.dataset import Schema
from core.model import Model
from tests.core import toys

SMALL = [toys.image_schema(*shape) for shape in ((1, 1, 1), (1, 8, 8), (3, 28, 31), (3, 65, 40), (3, 1, 50))]
LARGE = [toys.image_schema(*shape) for shape in ((1, 64, 64), (3, 64, 80))]
TABLES = [toys.table_schema(columns) for columns in (toys.NUMBERS[:1], toys.NUMBERS, toys.CATEGORIES, toys.MIXED)]
VARIANTS = [  # a net, its options, and data that it takes
    ("cnn", {}, SMALL),
    ("residual_cnn", {}, SMALL),
    ("pretrained", {"arch": "squeezenet1_1"}, LARGE),
    ("pretrained", {"arch": "shufflenet_v2_x0_5", "hidden": 5}, LARGE),
    ("mlp", {}, TABLES),
    ("mlp", {"numbers": "piecewise"}, TABLES[1:]),
    ("mlp", {"numbers": "periodic"}, TABLES[1:]),
    ("residual_mlp", {}, TABLES),
    ("residual_mlp", {"numbers": "piecewise"}, TABLES[3:]),
    ("own", {"where": "tests.core.nets.mine:Pixels"}, SMALL[1:3]),
    ("own", {"where": "tests.core.nets.mine:rows", "arguments": '{"width": 3}'}, TABLES[1:]),
]
VARIANTS += [  # a net that is new: its defaults
    (name, {}, SMALL if kind == "image" else TABLES)
    for name in nets.available()
    if name not in {known for known, *_ in VARIANTS}
    for kind in nets.kinds(name)
]
CASES = [(name, options, schema) for name, options, schemas in VARIANTS for schema in schemas]
each_case = pytest.mark.parametrize(
    ("name", "options", "schema"),
    CASES,
    ids=[f"{n} {o} on {s.shape} {[c.type[0] for c in s.columns]}" for n, o, s in CASES],
)


def samples(schema: Schema, n: int) -> torch.Tensor:
    """Raw samples with a missing number, a missing category and an unknown one where there can be."""
    torch.manual_seed(0)
    if schema.kind == "image":
        return torch.randint(0, 256, (n, *schema.shape), dtype=torch.uint8)
    columns = [torch.randn(n) if c.type == "number" else torch.randint(-1, 2, (n,)).float() for c in schema.columns]
    x = torch.stack(columns, dim=1)
    x[0] = torch.tensor([float("nan") if c.type == "number" else -1.0 for c in schema.columns])
    return x


def fitted(name: str, schema: Schema, **options) -> Model:
    """A model with fresh weights, fitted to its samples, in evaluation mode."""
    model = Model(schema, NetConfig(name, options))
    model.preprocess.fit(samples(schema, 8))
    return model.eval()


def test_there_is_a_net_for_each_kind():
    assert {kind for name in nets.available() for kind in nets.kinds(name)} == {"image", "table"}


def test_every_net_is_among_the_cases_for_each_kind_of_data_that_it_takes():
    assert {(name, schema.kind) for name, _, schema in CASES} == {
        (n, kind) for n in nets.available() for kind in nets.kinds(n)
    }


@pytest.mark.parametrize("name", nets.available())
def test_a_net_says_in_a_line_what_it_is(name):
    assert nets.module(name).TITLE.strip() and "\n" not in nets.module(name).TITLE


@pytest.mark.parametrize("name", nets.available())
def test_the_default_options_of_a_net_are_within_their_ranges(name):
    assert nets.options(name, {}) == nets.module(name).Options()


@pytest.mark.parametrize("name", nets.available())
def test_an_option_a_net_does_not_have_is_refused(name):
    with pytest.raises(ValueError, match="There is no setting 'colour' here"):
        nets.options(name, {"colour": "red"})


@each_case
def test_one_row_of_finite_logits_comes_out_for_each_sample(name, options, schema):
    logits = fitted(name, schema, **options)(samples(schema, 3))
    assert (logits.shape, logits.dtype) == ((3, 2), torch.float32)
    assert logits.isfinite().all()


@each_case
def test_a_batch_of_one_is_a_batch(name, options, schema):
    assert fitted(name, schema, **options).train()(samples(schema, 1)).shape == (1, 2)


@each_case
def test_every_weight_gets_a_gradient(name, options, schema):
    model = fitted(name, schema, **options)
    model(samples(schema, 8)).square().sum().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []
    assert any(p.grad.abs().sum() > 0 for p in model.parameters())


@each_case
def test_a_sample_is_judged_by_itself_in_evaluation_mode(name, options, schema):
    model = fitted(name, schema, **options)
    x = samples(schema, 4)
    torch.testing.assert_close(model(x)[2:3], model(x[2:3]))


@pytest.mark.parametrize("n_classes", [2, 3, 11])
@pytest.mark.parametrize(("name", "options", "schemas"), VARIANTS, ids=[f"{n} {o}" for n, o, _ in VARIANTS])
def test_there_are_as_many_logits_as_classes(name, options, schemas, n_classes):
    schema = dataclasses.replace(schemas[-1], classes=tuple(f"c{i}" for i in range(n_classes)))
    assert fitted(name, schema, **options)(samples(schema, 2)).shape == (2, n_classes)


@each_case
def test_a_net_that_says_so_is_its_head_after_its_backbone(name, options, schema):
    if nets.has_backbone(name):
        model = fitted(name, schema, **options)
        z = model.preprocess(samples(schema, 2))
        features = model.net.backbone(z)
        assert features.dim() == 2
        torch.testing.assert_close(model.net.head(features), model.net(z))
        assert [child for child, _ in model.net.named_children()] == ["backbone", "head"]


@each_case
def test_the_weights_of_a_net_can_be_stored_and_loaded(name, options, schema):
    model, other = fitted(name, schema, **options), Model(schema, NetConfig(name, options)).eval()
    other.load_state_dict(model.state_dict())
    x = samples(schema, 3)
    torch.testing.assert_close(other(x), model(x))


def test_the_cnn_takes_as_many_blocks_as_bring_the_shorter_side_under_8():
    def convolutions(*shape):
        net = nets.module("cnn").build(toys.image_schema(*shape))
        return sum(isinstance(layer, torch.nn.Conv2d) for layer in net.backbone)

    assert [convolutions(1, s, s) for s in (1, 8, 15, 16, 28, 32, 64)] == [2, 2, 2, 2, 2, 3, 4]


@pytest.mark.parametrize("options", [{"blocks": 8}, {"width": 1, "hidden": 1}, {"width": 256, "blocks": 2}])
def test_the_cnn_builds_at_the_ends_of_its_ranges(options):
    schema = toys.image_schema(1, 9, 5)
    assert fitted("cnn", schema, **options)(samples(schema, 2)).shape == (2, 2)


def test_an_mlp_without_hidden_layers_is_linear():
    model = toys.mlp(layers=0)
    a, b = torch.randn(1, 2), torch.randn(1, 2)
    torch.testing.assert_close(model((a + b) / 2), (model(a) + model(b)) / 2)


def test_a_category_is_embedded_and_its_features_say_which_column_they_come_from():
    from core.nets._layers import Embed

    embed = Embed(toys.table_schema(toys.MIXED))  # numbers a and b, then colour: 3 values and "unknown" in 2 features
    assert embed.owners == [0, 2, 1, 1]
    assert embed.table(0)[0].tolist() == [0, 0]  # the unknown is neutral until training says otherwise
    features = embed(torch.tensor([[5.0, 3.0, 7.0]]))
    torch.testing.assert_close(features, torch.cat([torch.tensor([[5.0, 7.0]]), embed.table(0)[3:4]], dim=1))


def test_an_unknown_category_is_as_good_as_a_missing_one_to_a_net():
    model = toys.mlp(toys.CATEGORIES)
    torch.testing.assert_close(model(torch.tensor([[-1.0, 0.0]])), model(torch.tensor([[float("nan"), 0.0]])))


def test_a_category_is_hidden_in_training_as_often_as_asked_and_never_afterwards():
    from core.nets._layers import Embed

    torch.manual_seed(0)
    embed = Embed(toys.table_schema(toys.MIXED), unknown=0.25)  # colour is the second column, in features 2 and 3
    x = torch.tensor([[5.0, 3.0, 7.0]]).expand(4000, 3)
    features = embed.train()(x)
    hidden = (features[:, 2:] == 0).all(dim=1)
    assert 0.2 < hidden.float().mean() < 0.3
    assert (features[:, :2] == torch.tensor([5.0, 7.0])).all()  # numbers are never hidden
    assert not (embed.eval()(x)[:, 2:] == 0).any()


def test_options_are_read_without_torch():
    code = (
        "import sys, dataclasses\n"
        "import core.nets, core.config, core.jobs, core.runs, core.data, core.explain, core.words, core.evaluation\n"
        "for name in core.nets.available(): dataclasses.fields(core.nets.options(name, {}))\n"
        "for name in core.data.available(): core.data.title(name)\n"
        "for kind in ('image', 'table'):\n"
        "    for name in core.explain.available(kind): core.explain.module(name).TITLE\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=jobs.ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_categories_are_hidden_in_training_alone():
    from core.nets._layers import Embed

    embed = Embed(toys.table_schema(toys.CATEGORIES), unknown=0.5)
    x = torch.tensor([[1.0, 1.0]]).repeat(500, 1)
    hidden = (embed.train()(x)[:, : embed.widths[0]] == 0).all(dim=1).float().mean()
    assert 0.4 < hidden < 0.6
    assert (embed.eval()(x) != 0).all()


def test_a_number_in_pieces_says_how_far_it_has_come_through_each():
    from core.nets._layers import Piecewise

    encoding = Piecewise(2, 2)
    encoding.fit(torch.tensor([[0.0, 7.0], [1.0, 7.0], [2.0, 7.0], [3.0, 7.0], [4.0, 7.0]]))  # edges 0, 2, 4; constant
    x = torch.tensor([[-2.0, 7.0], [1.0, 0.0], [3.0, 9.0], [6.0, 7.0]])
    expected = torch.tensor([[-1, 0, 0, 0], [0.5, 0, 0, 0], [1, 0.5, 0, 0], [1, 2, 0, 0]])
    torch.testing.assert_close(encoding(x), expected)


def test_a_number_of_few_values_has_as_few_pieces():
    from core.nets._layers import Piecewise

    encoding = Piecewise(1, 16)
    encoding.fit(torch.tensor([[0.0], [1.0]] * 20))
    assert (encoding.scale != 0).sum() == 1


def test_the_pieces_are_fitted_with_the_preprocessing_and_travel_with_the_weights():
    model = fitted("mlp", TABLES[1], numbers="piecewise", pieces=4)
    other = Model(TABLES[1], NetConfig("mlp", {"numbers": "piecewise", "pieces": 4}))
    assert not torch.equal(other.net.embed.encoding.scale, model.net.embed.encoding.scale)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.net.embed.encoding.scale, model.net.embed.encoding.scale)


def test_an_mlp_of_128_and_64_units():
    layers = toys.mlp(hidden=128, layers=2, taper=0.5).net.body
    assert [layer.out_features for layer in layers if isinstance(layer, torch.nn.Linear)] == [128, 64, 2]
