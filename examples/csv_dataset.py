"""Your own torch Dataset over a CSV file, with a transform, a length and a subset: train on it, from Python or by name.

By name: python -m core train --data examples.csv_dataset:Chemistry --test examples.csv_dataset:ChemistryTest
"""

import pathlib
import sys
import tempfile

import pandas as pd
import torch
from torch.utils.data import Dataset

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))  # not needed where the project is on the path


class CsvDataset(Dataset):
    """Rows of a CSV file as (numbers float32 (n_columns,), class name).

    target : the column that holds the class
    transform : a function of the numbers, applied at each reading; one that draws at random draws anew in every epoch
    subset : positions of the rows to keep, for example those of the training part
    """

    def __init__(self, path, target: str, transform=None, subset=None):
        table = pd.read_csv(path)
        if subset is not None:
            table = table.iloc[subset]
        self.labels = table.pop(target).astype(str).tolist()
        self.columns = list(table.columns)  # Vitrine takes the names from here
        self.numbers = torch.tensor(table.to_numpy(), dtype=torch.float32)
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index):
        x = self.numbers[index]
        return (x if self.transform is None else self.transform(x)), self.labels[index]


def jitter(x):
    """One per cent of noise, another one at each reading."""
    return x * (1 + 0.01 * torch.randn_like(x))


def wine_csv() -> pathlib.Path:
    """A CSV file to read: scikit-learn's wine, written once into the folder for temporary files."""
    from sklearn.datasets import load_wine

    path = pathlib.Path(tempfile.gettempdir()) / "vitrine-wine.csv"
    if not path.exists():
        load_wine(as_frame=True).frame.sample(frac=1, random_state=0).to_csv(path, index=False)
    return path


def Chemistry():
    """The first 140 rows, with noise."""
    return CsvDataset(wine_csv(), "target", transform=jitter, subset=range(140))


def ChemistryTest():
    """The other rows, as they are."""
    return CsvDataset(wine_csv(), "target", subset=range(140, 178))


if __name__ == "__main__":
    import core
    from core import evaluation, runs

    run = core.train("examples.csv_dataset:Chemistry", "mlp", test="examples.csv_dataset:ChemistryTest", epochs=20)
    print(evaluation.sentence(runs.evaluation(run)["test"], "row"))
    run = core.train(Chemistry(), "mlp", test=ChemistryTest(), name="chemistry-once", epochs=20)  # as it is, read once
    print(evaluation.sentence(runs.evaluation(run)["test"], "row"))
