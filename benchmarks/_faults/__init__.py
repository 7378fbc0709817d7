"""The campaigns of benchmarks/faults.py, a file each, and what they count."""

from dataclasses import dataclass


@dataclass
class Count:
    """cases : accidents;  lost : after which something was gone;  half : shown as whole that was not;  tracebacks"""

    campaign: str
    cases: int = 0
    lost: int = 0
    half: int = 0
    tracebacks: int = 0
