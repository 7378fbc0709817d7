"""Export and proof in one go, as the page, the command line and the demo do it."""

from exports import onnx, parity


def export_and_prove(run: str) -> dict:
    """Write exports/model.onnx of `run`, compare it with PyTorch on the test split, and return the record."""
    onnx.export(run)
    return parity.verify(run)
