"""What the server takes at most, and how it says no."""

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """How much is taken at once. What is above gets a sentence that names the limit."""

    body_bytes: int = 16 * MEGABYTE  # of one request
    waiting_bytes: int = 256 * MEGABYTE  # of all requests that are being read or wait for their answer
    waiting: int = 2048  # requests that wait
    rows: int = 10_000  # of one request
    images: int = 64  # of one request
    pixels: int = 8_000_000  # of one image, told from its head before it is decoded
    side: int = 20_000  # pixels of one image's longer side: resizing takes memory for each
    seconds: float = 30.0  # for a body to arrive
    batch: int = 256  # samples that the model is asked at once


USUAL = Limits()


class Refused(Exception):
    """A request that is not answered: the HTTP status, from 400 to 499, and one sentence for whoever sent it.

    more : whether a part of the request is still to come
    """

    def __init__(self, status: int, sentence: str, more: bool = False):
        super().__init__(sentence)
        self.status, self.more = status, more
