"""Vitrine's core: data, nets, training, evaluation, explanation. `core.train` is the way in from Python."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.utils.data import Dataset

# PyTorch's threads wait for one another in a busy loop, by default for a millisecond or so. Two processes that do so on
# the same processors slow each other down (ten times was seen on 2 cores). Some microseconds cost nothing there, and
# are as fast as the default where nothing else runs; waiting asleep is a fifth slower. Read when torch is loaded.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")


def train(
    data: "str | os.PathLike[str] | Dataset" = "digits",
    net: str | None = None,
    net_options: dict | None = None,
    wait: bool = True,
    **settings: Any,
) -> str:
    """Train a net on a data set as a run in the workspace and return the run's name.

    data : the name of a data set (`core.data.available()`), a table, a folder or .zip of class folders, a torchvision
        set, "package.module:Dataset", or a map-style torch.utils.data.Dataset itself
    net : a name that `core.nets.available()` lists
    net_options : settings of the net itself, for example {"hidden": 64}
    wait : return when the run is over (True) or at once (False)
    settings : fields of `core.config.TrainingConfig`, `AugmentConfig` and `DataConfig`, for example epochs=5, lr=1e-3,
        flip=True, split="group"; and what the reader of the data takes, for example target="Survived", test="new.csv"
    Raises ValueError or LookupError if they do not fit, and RuntimeError with the run's sentence if it fails.
    """
    from core import config, jobs, runs
    from core.data import ingest

    known = config.setting_names()
    asked = {name: settings.pop(name) for name in list(settings) if name in known}
    named = isinstance(data, (str, os.PathLike))
    found = ingest.add(os.fspath(data), values=settings) if named else ingest.take(data, **settings)
    run = jobs.start(config.suggest(found, net, net_options, **asked))
    if wait and jobs.wait(run) != "done":
        raise RuntimeError(f"Run {run} ended as {jobs.state(run)}: {runs.status(run).get('message', '')}")
    return run
