"""How whoever reads data says how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # phase, done, total (0: not known); it may raise InterruptedError
