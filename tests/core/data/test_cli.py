"""Data from the shell, as a person uses it: `python -m core data ...` and `python -m core train --data ...`."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from core import cli, config, data, jobs, runs
from core.data import store
from core.data.cli import plain
from tests.core import toys

HOSTILE = ("[red]x[", "\x1b[31mred", "<b>", "😀")


@pytest.fixture
def command(monkeypatch, capsys):
    """command(*words) is `python -m core words` in this process: exit code, output and error stream."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["core", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        said = isinstance(end.value.code, str)  # Python prints a text and ends with 1
        return (1, out, f"{end.value.code}\n") if said else (end.value.code, out, err)

    return run


@pytest.fixture
def refused(command):
    """refused(*words) is the one line after "Error: " that a command ends with."""

    def run(*words):
        code, out, err = command(*words)
        assert (code, out) == (1, ""), (code, out, err)
        assert err.startswith("Error: ") and err.endswith(".\n") and err.count("\n") == 1, err
        return err[len("Error: ") : -1]

    return run


@pytest.fixture
def csv(tmp_path):
    """90 flowers with a petal that says the kind, and a town that says nothing."""
    rng = np.random.default_rng(0)
    kinds = ["rose", "lily", "iris"] * 30
    petals = rng.normal([{"rose": 1, "lily": 2, "iris": 3}[kind] for kind in kinds], 0.4)
    lines = [f"{p:.4f},{rng.choice(['Rome', 'Bonn'])},{kind}" for p, kind in zip(petals, kinds)]
    path = tmp_path / "flowers.csv"
    path.write_text("\n".join(["petal,town,kind", *lines]) + "\n")
    return path


def photos(root, n=8, planted=None):
    """Noise of two classes in train, val and test; `planted` is a file (part, class, number) that copies another."""
    rng = np.random.default_rng(0)
    for part in ("train", "val", "test"):
        for name in ("cat", "dog"):
            for i in range(n):
                path = root / part / name / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(path)
    if planted:
        shutil.copy(root / "train" / "cat" / "0.png", root / planted)
    return root


# ---------------------------------------------------------------------------------------------------- add


def test_add_reads_a_table_and_says_what_it_is(command, csv):
    code, out, err = command("data", "add", csv)
    assert (code, err) == (0, "")
    for words in ("flowers", "90 rows of 2 columns", "iris 30, lily 30, rose 30", "train 60, val 12, test 18"):
        assert words in out
    assert data.get("flowers").fingerprint[:12] in out


def test_add_takes_a_name_and_how_to_read(command, csv):
    csv.write_text("1,rose\n-9,lily\n3,lily\n" * 9)
    code, out, _ = command(
        "data",
        "add",
        csv,
        "--name",
        "My garden",
        "--target",
        "column 2",
        "--read",
        "header=no",
        "--read",
        "missing_words=-9",
    )
    assert code == 0 and "my-garden" in out and "27 rows of 1 column" in out
    assert store.source("my-garden")["options"] == {"target": "column 2", "header": "no", "missing_words": "-9"}
    assert data.get("my-garden").columns[0].missing


def test_add_takes_a_separate_test_table(command, csv, tmp_path):
    (tmp_path / "new.csv").write_text("petal,town,kind\n" + "1.5,Rome,rose\n2.5,Bonn,iris\n" * 6)
    code, out, _ = command("data", "add", csv, "--test", tmp_path / "new.csv")
    assert code == 0 and "test 12" in out


def test_add_reads_a_folder_with_its_parts(command, tmp_path):
    code, out, _ = command("data", "add", photos(tmp_path / "pets"), "--read", "size=16")
    assert code == 0
    assert "48 images of 16x16 pixels, 1 channel" in out and "train 16, val 16, test 16" in out


def test_what_was_left_out_is_said(command, csv, tmp_path):
    lines = csv.read_text().splitlines()
    csv.write_text("\n".join([f"{lines[0]},number", *(f"{line},p{i}" for i, line in enumerate(lines[1:]))]))
    _, out, _ = command("data", "add", csv, "--target", "kind")
    assert "left out: number" in out and "identifier" in out
    (photos(tmp_path / "pets") / "train" / "cat" / "notes.txt").write_text("my cats")
    _, out, _ = command("data", "add", tmp_path / "pets")
    assert "train/cat/notes.txt" in out


def test_a_set_too_small_to_be_split_is_added_and_told_so(command, tmp_path):
    (tmp_path / "few.csv").write_text("a,b\n1.5,x\n2.5,y\n")
    code, out, err = command("data", "add", tmp_path / "few.csv")
    assert (code, err) == (0, "") and "The val part of the split is empty with 2 samples" in out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows fewer names")
def test_hostile_text_is_shown_as_it_is_and_moves_no_cursor(command, tmp_path):
    for i, name in enumerate(HOSTILE):
        (tmp_path / "pets" / name).mkdir(parents=True)
        Image.new("L", (8, 8), 9 * i).save(tmp_path / "pets" / name / "0.png")
        (tmp_path / "pets" / name / "a.txt").touch()
    for verb in ("add", "check"):
        _, out, err = command("data", verb, tmp_path / "pets")
        assert err == "" and "\x1b" not in out
        assert all(words in out for words in ("[red]x[ 1", "�[31mred 1", "<b> 1", "😀 1", "�[31mred/a.txt"))


def test_plain_text_keeps_its_letters():
    assert plain("Zürich [b] 😀 עברית\x07\r").plain == "Zürich [b] 😀 עברית��"


# ---------------------------------------------------------------------------------------------------- check


def test_check_ends_with_0_where_there_is_no_problem(command, tmp_path):
    code, out, err = command("data", "check", photos(tmp_path / "pets"))
    assert (code, err) == (0, "")
    assert "problem" not in out and "48 images" in out


def test_check_of_a_good_table_by_its_name(command, csv):
    command("data", "add", csv)
    code, out, _ = command("data", "check", "flowers")
    assert code == 0 and "problem" not in out


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        ("test/cat/0.png", (0, "warning", "occurs twice or more with the same pixels")),
        ("train/dog/0.png", (1, "problem", "1 image occurs in more than one class")),
    ],
    ids=["across the parts, of which the split takes one", "under two labels"],
)
def test_check_ends_with_1_for_a_problem_and_not_for_a_warning(command, tmp_path, planted, words):
    code, out, err = command("data", "check", photos(tmp_path / "pets", planted=planted))
    assert (code, err) == (words[0], "")
    assert all(word in out for word in words[1:])


def test_a_column_that_gives_the_target_away_is_a_problem_only_if_one_insists_on_it(command, csv):
    lines = csv.read_text().splitlines()
    csv.write_text("\n".join([f"code,{lines[0]}", *(f"{line[-3:]},{line}" for line in lines[1:])]))
    code, out, _ = command("data", "check", csv)
    assert code == 0 and "left out: code" in out and "gives the target away" in out
    code, out, _ = command("data", "check", csv, "--read", 'types={"code": "use"}')
    assert code == 1 and "problem" in out and "Column code gives the target away" in out


def test_check_of_a_set_too_small_to_be_split_ends_with_its_problems(command, tmp_path):
    (tmp_path / "few.csv").write_text("a,b\n1.5,x\n2.5,y\n")
    code, out, err = command("data", "check", tmp_path / "few.csv")
    assert (code, err) == (1, "") and "2 classes have a single sample" in out


# ---------------------------------------------------------------------------------------------------- list and change


def test_list_has_ones_own_sets_and_those_that_come_with_the_project(command, csv):
    command("data", "add", csv)
    code, out, err = command("data", "list")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    (mine,) = [line for line in lines if line.split()[:1] == ["flowers"]]
    assert "90 rows, 2 columns, 3 classes" in mine and "The file flowers.csv" in mine and "today" in mine
    assert all(any(line.split()[:1] == [name] for line in lines) for name in data.built_in())


def test_list_as_json_can_be_read_by_a_program(command, csv):
    command("data", "add", csv)
    code, out, _ = command("data", "list", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0 and set(rows) == {"flowers", *data.built_in()}
    assert (rows["flowers"]["n"], rows["flowers"]["counts"]) == (90, [30, 30, 30])
    assert rows["flowers"]["version"] == store.version("flowers")


def test_a_damaged_set_is_listed_with_what_to_do(command, workspace):
    (workspace / "data" / "broken").mkdir(parents=True)
    (workspace / "data" / "broken" / "set.json").write_text("{")
    assert "delete the folder" in " ".join(command("data", "list")[1].split())
    (row,) = [row for row in json.loads(command("data", "list", "--json")[1]) if row["name"] == "broken"]
    assert row["problem"].startswith("The stored data set broken is damaged")


def test_rename_and_delete(command, csv):
    command("data", "add", csv)
    assert command("data", "rename", "flowers", "garden")[:2] == (0, "flowers is now garden\n")
    assert store.names() == ["garden"]
    assert command("data", "delete", "garden")[:2] == (0, "garden is deleted\n")
    assert store.names() == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("rename", "nope", "other"), "There is no data set 'nope' in "),
        (("rename", "folk", "a b"), "'a b' cannot be the name of a data set; use letters, digits, - and _"),
        (("rename", "folk", "people"), "There is a data set people already; choose another name"),
        (("delete", "nope"), "There is no data set 'nope' in "),
        (("delete", "../runs"), "'../runs' is not the name of a data set; "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_renamed_or_deleted_is_one_sentence(refused, words, sentence):
    for name in ("folk", "people"):
        store.put(toys.table(name))
    assert refused("data", *words).startswith(sentence)
    assert store.names() == ["folk", "people"]


# ---------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("",), "No data is named; name a data set, a table, "),
        (("nothing",), "There is no data set 'nothing'; there are "),
        (("nothing.csv",), "{tmp_path}/nothing.csv is not there; check the path."),
        (("nothing.zip",), "There is no folder or zip file {tmp_path}/nothing.zip; "),
        (("empty",), "empty holds no images; give a folder that holds a folder of images for each class."),
        (("one",), "one holds images of only one class, 'cat'; it needs two or more: "),
        (("zero.zip",), "zero.zip is no zip file; "),
        (("empty.csv",), "empty.csv is empty; it needs a header line and rows of data."),
        (("flowers.csv/x",), "There is no data set 'flowers.csv/x'; "),
        (("no_module:rows",), "no_module cannot be imported "),
        (("flowers.csv", "--target", "color"), 'flowers.csv has no column "color"; '),
        (("flowers.csv", "--root", "x"), "root is no setting of the reader table; the settings are target, "),
        (("flowers.csv", "--read", "header"), "--read is 'header'; it must be NAME=VALUE"),
        (("flowers.csv", "--read", "=5"), "--read is '=5'; it must be NAME=VALUE"),
        (("flowers.csv", "--read", "decimal=x"), "decimal is 'x'; it must be one of "),
        (("empty", "--read", "size=9"), "size is 9; it must be 0 (chosen from the data) or from 16 to 512."),
        (("empty", "--read", "size=NaN"), "size is 'NaN'; it must be a whole number."),
        (("iris", "--target", "x"), "iris is stored already; target cannot be given with it. Name its file."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("verb", ["add", "check"])
@pytest.mark.usefixtures("csv")
def test_a_bad_source_is_one_sentence_and_exit_code_1(refused, tmp_path, monkeypatch, verb, words, sentence):
    (tmp_path / "empty").mkdir()
    (tmp_path / "one" / "cat").mkdir(parents=True)
    Image.new("L", (8, 8)).save(tmp_path / "one" / "cat" / "0.png")
    (tmp_path / "zero.zip").touch()
    (tmp_path / "empty.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert refused("data", verb, *words).startswith(sentence.format(tmp_path=tmp_path))
    assert store.names() == []


def test_a_bad_source_in_a_process_of_its_own(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "core", "data", "add", str(tmp_path / "no.csv")],
        cwd=jobs.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: {tmp_path / 'no.csv'} is not there; check the path.\n"


def test_what_a_page_asks_of_data_needs_no_torch():
    modules = "core.data.cli, core.data.ingest, core.data.imports, core.data.insight, core.data.readers.torchvision"
    code = f"import sys, {modules}; assert not {{'torch', 'torchvision', 'sklearn', 'scipy'}} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=jobs.ROOT, check=False).returncode == 0


# ---------------------------------------------------------------------------------------------------- train


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--set", "flip=true"), "Augmentation is for images; leave its settings out for a table."),
        (("--set", "flipp=true"), "There is no setting flipp; the settings are "),
        (("--set", "flip"), "--set is 'flip'; it must be NAME=VALUE"),
        (("--set", "flip=yes"), "flip is 'yes'; it must be true or false."),
        (("--set", "lr=NaN"), "lr is 'NaN'; it must be a number."),
        (("--set", "lr=1e999"), "lr is inf; it must be from "),
        (("--net-option", "hiden=3"), "There is no setting 'hiden' here; the settings are "),
        (("--target", "petal"), "petal of flowers.csv has 90 different numbers, "),
        (("--split", "group"), "flowers was given no column to split by "),
        (("--split", "group", "--split-by", "nope"), 'flowers has no column "nope" to split by '),
        (("--net", "cnn"), "The net cnn is for images but the data set flowers is made of tables; "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_trained_is_one_sentence_and_leaves_no_run(refused, csv, words, sentence):
    assert refused("train", "--data", csv, *words).startswith(sentence)
    assert runs.names() == []


def test_a_setting_that_is_not_there_is_told_before_anything_is_read(refused, csv):
    assert refused("train", "--data", csv, "--set", "colour=1").startswith("There is no setting colour; ")
    assert store.names() == []


def test_every_setting_can_be_given_with_set(monkeypatch, command, csv):
    asked = []
    monkeypatch.setattr(cli.jobs, "start", lambda made: asked.append(made) or "a-run")
    words = ("--set", "class_weights=0.5", "--set", "val_fraction=0.3", "--net-option", "hidden=8", "--no-wait")
    assert command("train", "--data", csv, *words)[:2] == (0, "a-run\n")
    (made,) = asked
    assert isinstance(made, config.TrainConfig)
    assert (made.training.class_weights, made.data.val_fraction, made.net.options) == (0.5, 0.3, {"hidden": 8})
    assert (made.data.name, made.data.version) == ("flowers", store.version("flowers"))


@pytest.mark.slow
def test_train_on_a_table_ends_with_one_table_and_the_runs_id(csv):
    done = subprocess.run(
        [sys.executable, "-m", "core", "train", "--data", str(csv), "--target", "kind", "--epochs", "15"],
        cwd=jobs.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (run,) = runs.names()
    for words in (run, "done", "flowers, mlp", "validation accuracy", "test accuracy", "AUROC", "Right on"):
        assert words in done.stdout
    assert runs.config(run).data.version == store.version("flowers")
    assert runs.evaluation(run)["test"]["metrics"]["accuracy"]["value"] > 0.6  # a third of them is right by chance
