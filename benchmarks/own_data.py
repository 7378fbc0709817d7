"""Accuracy of the defaults on people's own kind of data, nothing set by hand: the median of 5 seeds.

To reach: titanic and telco churn AUROC 0.83, adult accuracy 0.85 on its own test file, penguins accuracy 0.97; with
--images, Fashion-MNIST accuracy 92% with the small CNN in 10 epochs (minutes per seed). Beside it two models of
scikit-learn on the same split: logistic regression (imputed, scaled, one-hot) and gradient-boosted trees.
"""

import argparse
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import core
from benchmarks.accuracy import line
from core import runs
from core.data import split
from tests.workspaces import workspace_of

SEEDS = range(5)
TABLES = {  # file, settings of the reader, what to reach
    "titanic": ("tables/titanic.csv", {"target": "Survived"}, "AUROC 0.83"),
    "telco churn": ("tables/telco-churn.csv", {"target": "Churn"}, "AUROC 0.83"),
    "adult": ("tables/adult.data", {"target": "income", "test": "tables/adult.test"}, "accuracy 0.85"),
    "penguins": ("tables/penguins.csv", {"target": "species"}, "accuracy 0.97"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    home = pathlib.Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    parser.add_argument("--data", type=pathlib.Path, default=home, help="folder with tables/ and fashion-mnist/")
    parser.add_argument("--images", action="store_true", help="Fashion-MNIST as well")
    given = parser.parse_args()
    print(f"{'test part, median (min to max) of 5 seeds':44} {'accuracy':>24} {'AUROC':>26}")
    with tempfile.TemporaryDirectory() as folder, workspace_of(pathlib.Path(folder, "workspace")):
        for name, (file, settings, bar) in TABLES.items():
            if not (given.data / file).exists():
                print(f"{name}: {given.data / file} is not there; name its folder with --data.")
                continue
            settings = {key: str(given.data / value) if key == "test" else value for key, value in settings.items()}
            run = trained(f"{name} (to reach: {bar})", str(given.data / file), settings)
            for peer, model in peers().items():
                line(f"  {peer}", *judged(run, model))
        images = given.data / "fashion-mnist"
        if given.images and not images.exists():
            print(f"Fashion-MNIST: {images} is not there; name its folder with --data.")
        elif given.images:
            settings = {"root": str(images), "epochs": 10}
            trained("Fashion-MNIST, 10 epochs (to reach: 92%)", "FashionMNIST", settings)


def trained(name: str, source: str, settings: dict) -> str:
    """Train with every seed and print the figures; returns the last run."""
    figures = []
    for seed in SEEDS:
        run = core.train(source, seed=seed, **settings)
        figures.append(runs.evaluation(run)["test"])
    line(
        name,
        [f["metrics"]["accuracy"]["value"] for f in figures],
        [f["metrics"]["auroc_macro"]["value"] for f in figures],
    )
    return run


def peers() -> dict:
    """What a careful person would try first, untrained."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    numbers, others = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")
    linear = make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), others),
    )
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    trees = make_column_transformer((codes, others), remainder="passthrough")
    return {
        "logistic regression": make_pipeline(linear, LogisticRegression(max_iter=5000)),
        "gradient-boosted trees": make_pipeline(trees, HistGradientBoostingClassifier(random_state=0)),
    }


def judged(run: str, model) -> tuple[list[float], list[float]]:
    """Accuracy and AUROC on the run's test samples of a model trained on its training samples."""
    from sklearn.metrics import roc_auc_score

    dataset = runs.dataset(run)
    where = split.load(runs.path(run, "split.parquet"), dataset.ids)
    x, y = dataset.table[[column.name for column in dataset.columns]], dataset.targets
    x = x.astype({column.name: object for column in dataset.columns if column.type == "category"})
    model.fit(x.iloc[where["train"]], y[where["train"]])
    y_prob, y_true = model.predict_proba(x.iloc[where["test"]]), y[where["test"]]
    auroc = roc_auc_score(y_true, y_prob[:, 1] if y_prob.shape[1] == 2 else y_prob, multi_class="ovr")
    return [float((y_prob.argmax(axis=1) == y_true).mean())], [float(auroc)]


if __name__ == "__main__":
    main()
