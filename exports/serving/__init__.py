"""The parts of `exports.serve`. They need no torch and nothing of the project but `exports.model_file`."""
