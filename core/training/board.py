"""TensorBoard files of a run: scalars, hyperparameters with final metrics, PR curves, sample images, the graph."""

import contextlib
import dataclasses
import io
import logging
from typing import TYPE_CHECKING

import numpy as np

from core import runs
from core.config import TrainConfig

if TYPE_CHECKING:
    import torch
    from torch import nn

NO_SCALARS = ("epoch", "never_predicted", "steps")
MOST_CURVES = 20  # classes that get a PR curve
MOST_IMAGES = 32


class Board:
    """Event files beside the history, for whoever likes `tensorboard --logdir`. Nothing here is done for each step.

    resumed_at : epochs that are done already; what earlier files say of later ones is hidden
    """

    def __init__(self, run: str, config: TrainConfig, resumed_at: int | None = None):
        from torch.utils.tensorboard import SummaryWriter

        self.run, self.config = run, config
        self.folder = runs.path(run, "tensorboard")
        self.writer = SummaryWriter(str(self.folder), purge_step=resumed_at + 1 if resumed_at else None)
        if not resumed_at:
            self.writer.add_text("config", f"```\n{config}\n```")

    def add(self, row: dict) -> None:
        """The figures of one epoch, a row of history."""
        for name, value in row.items():
            if name not in NO_SCALARS and value is not None:
                tag = name.replace("_", "/", 1) if name.startswith(("train_", "val_")) else name
                self.writer.add_scalar(tag, value, row["epoch"])

    def samples(self, images: np.ndarray, names: list[str]) -> None:
        """Some images, uint8 (n, c, h, w), each under its own name, for example its class."""
        for i, (image, name) in enumerate(zip(images[:MOST_IMAGES], names)):
            shown = image[:3] if len(image) >= 3 else image[:1]
            self.writer.add_image(f"samples/{i:02d} {name}", np.ascontiguousarray(shown), 0)

    def graph(self, model: "nn.Module", x: "torch.Tensor") -> bool:
        """The graph of `model` on a batch x, traced in evaluation mode; False if it cannot be traced."""
        import torch

        was_training = model.training
        model.eval()
        try:
            with _quiet(), torch.random.fork_rng(devices=[]), torch.no_grad():
                # to check what it traced, PyTorch would load what compares tensors of several devices
                self.writer.add_graph(torch.jit.trace(model, x, check_trace=False), x)
        except Exception as error:  # a net of one's own may do anything; the run does not need its picture
            print(f"TensorBoard shows no graph: the net cannot be traced ({type(error).__name__}).", flush=True)
            return False
        finally:
            model.train(was_training)
        return True

    def finish(self, figures: dict) -> None:
        """PR curves of the validation predictions, and the hyperparameters with the final metrics.

        figures : the run's evaluation, see `core.evaluation.evaluate`
        """
        from torch.utils.tensorboard.summary import hparams

        self._pr_curves(figures["epoch"])
        metrics = {}
        for part in ("val", "test"):
            metrics[f"final/{part}_accuracy"] = figures[part]["metrics"]["accuracy"]["value"]
            metrics[f"final/{part}_auroc"] = figures[part]["metrics"]["auroc_macro"]["value"]
        metrics = {name: float(value) for name, value in metrics.items() if value is not None}
        for summary in hparams(_flat(self.config), metrics):  # add_hparams would make a folder of its own
            self.writer.file_writer.add_summary(summary)  # ty: ignore[missing-union-attribute]
        for name, value in metrics.items():
            self.writer.add_scalar(name, value, figures["epoch"])

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()

    def _pr_curves(self, epoch: int) -> None:
        from core.evaluation import metrics

        _, targets, logits = runs.predictions(self.run, "val")
        y_prob = metrics.softmax(logits)
        for j, name in enumerate(runs.schema(self.run).classes[:MOST_CURVES]):
            if (targets == j).any():
                self.writer.add_pr_curve(f"val/{name}", targets == j, y_prob[:, j], epoch)


def _flat(config: TrainConfig) -> dict:
    """The settings as one flat dict of plain values; the net's options as net.NAME."""
    flat = {}
    for part in ("data", "training", "augment"):
        flat |= {f"{part}.{name}": value for name, value in dataclasses.asdict(getattr(config, part)).items()}
    flat |= {"net": config.net.name, "net.weights": config.net.weights}
    flat |= {f"net.{name}": value for name, value in config.net.options.items()}
    return {name: value if isinstance(value, (bool, int, float, str)) else str(value) for name, value in flat.items()}


@contextlib.contextmanager
def _quiet():
    """Keep what tracing prints, and its warnings, out of the log."""
    import warnings

    logging.getLogger("torch.jit").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
