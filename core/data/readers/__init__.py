"""Readers of data from outside, a file each: `TITLE`, `Options` and `load(where, options, progress) -> Dataset`."""
