"""What the engine is asked for while a person waits, found by name without torch."""

import numpy as np

from core.config import AugmentConfig


def augmented(images: np.ndarray, config: AugmentConfig, n: int = 8) -> np.ndarray:
    """Each of the images, uint8 (m, c, h, w), changed in n ways: uint8 (m, n, c, h, w)."""
    from core.training.augment import preview

    return preview(images, config, n)
