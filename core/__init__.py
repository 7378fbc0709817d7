"""Vitrine's core: data, nets, training, evaluation, explanation. `core.train` is the way in from Python."""

import os

# PyTorch's threads wait for one another in a busy loop. Two processes that do so on the same processors slow each
# other down (ten times was seen on 2 cores); waiting asleep costs next to nothing. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def train(
    data: str = "digits", net: str | None = None, net_options: dict | None = None, wait: bool = True, **settings
) -> str:
    """Train a net on a data set as a run in the workspace and return the run's name.

    data, net : names, as `core.data.available()` and `core.nets.available()` list them
    net_options : settings of the net itself, for example {"hidden": 64}
    wait : return when the run is over (True) or at once (False)
    settings : fields of `core.config.TrainingConfig`, for example epochs=5, lr=1e-3, seed=1
    Raises ValueError or LookupError if they do not fit, and RuntimeError with the run's sentence if it fails.
    """
    from core import config, jobs, runs
    from core import data as sources

    run = jobs.start(config.suggest(sources.get(data), net, net_options, **settings))
    if wait and jobs.wait(run) != "done":
        raise RuntimeError(f"Run {run} ended as {jobs.state(run)}: {runs.status(run).get('message', '')}")
    return run
