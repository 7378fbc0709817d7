"""What the server has done, as Prometheus reads it. A registry for each server, so that two do not add up."""

LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # samples


class Counts:
    """Requests by path and status, their time, samples that the model was asked at once, and the process."""

    def __init__(self):
        import prometheus_client as client

        self.registry = registry = client.CollectorRegistry()
        self._requests = client.Counter("vitrine_requests", "Requests answered.", ("path", "code"), registry=registry)
        self._seconds = client.Histogram(
            "vitrine_request_seconds", "From the head of a request to its answer.", ("path",), "", "", "", registry,
            buckets=LATENCIES,
        )  # fmt: skip
        self._batches = client.Histogram(
            "vitrine_batch_samples", "Samples that the model was asked at once.", registry=registry, buckets=BATCHES
        )
        self.in_flight = client.Gauge("vitrine_requests_in_flight", "Requests not answered yet.", registry=registry)
        client.ProcessCollector(registry=registry)
        self._known: dict[tuple[str, int], tuple] = {}

    def batch(self, n: int) -> None:
        """Note that so many samples were answered at once."""
        self._batches.observe(n)

    def answered(self, path: str, code: int, seconds: float) -> None:
        """Note an answer; paths that there are not count as "other", so that strangers cannot fill the memory."""
        both = self._known.get((path, code))
        if both is None:
            both = self._known[path, code] = (self._requests.labels(path, code), self._seconds.labels(path))
        both[0].inc()
        both[1].observe(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        from prometheus_client import generate_latest

        return generate_latest(self.registry)
