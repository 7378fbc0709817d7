"""One file per data source: a TITLE for lists and `load() -> Dataset`."""
