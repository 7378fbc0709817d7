"""Datasets as a person would write them, for the tests of reading them by name."""

import torch
from torch.utils.data import Dataset, IterableDataset


class Noisy(Dataset):
    """Pictures whose mean is their index, with noise that is drawn at each reading."""

    def __init__(self, n=6):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        noise = 0.1 * torch.randn(1, 4, 4)
        return i + noise - noise.mean(), i % 2


class Rows(Dataset):
    """Three numbers a row; the class is a name."""

    columns = ("height", "weight", "age")

    def __init__(self, n=10, last=3.0):
        self.n, self.last = n, last

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return torch.tensor([float(i), 2.0 * i, self.last]), "even" if i % 2 == 0 else "odd"


class Named(Rows):
    classes = ("cat", "dog", "bird")

    def __getitem__(self, i):
        return super().__getitem__(i)[0], i % 2


class Uneven(Noisy):
    def __getitem__(self, i):
        return torch.zeros(1, 4, 4 + i), i % 2


class Single(Noisy):
    def __getitem__(self, i):
        return torch.zeros(1, 4, 4), 0


class Dictionaries(Noisy):
    def __getitem__(self, i):
        return {"x": i, "y": i % 2}


class Texts(Noisy):
    def __getitem__(self, i):
        return "text", i % 2


class Stream(IterableDataset):
    def __iter__(self):
        yield torch.zeros(3), 0


class Pictures(Dataset):
    """PIL pictures of one colour."""

    def __len__(self):
        return 4

    def __getitem__(self, i):
        from PIL import Image

        return Image.new("RGB", (6, 5), (10 * i, 0, 255)), i % 2


rows = Rows()
test_rows = Rows(4)
empty = Rows(0)
number = 3


def broken():
    raise ImportError("no_such_library")
