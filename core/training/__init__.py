"""Training: `worker` is a run's process, `loop` the training itself, `checkpoint` its files."""
