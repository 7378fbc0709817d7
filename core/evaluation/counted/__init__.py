"""Metrics that follow from the confusion matrix, one file each; a new file is offered everywhere, with its interval."""
