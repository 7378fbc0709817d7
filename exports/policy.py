"""Content-Security-Policy of the HTML files that are written for others: no network, and no script but their own."""

import base64
import hashlib


def digest(text: str) -> str:
    """What names an inline script or style in a policy, so that no other one is run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
