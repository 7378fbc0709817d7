"""Requests that wait are answered together, by one thread, without waiting for more to come."""

import asyncio
import concurrent.futures
from collections import deque
from collections.abc import Callable
from typing import Any


class Batcher:
    """Gathers jobs while the thread is at work, and hands it all of them at once when it is free.

    work : list of jobs -> list of results, one each; an exception in the place of a result is raised where it is due
    most : bytes of jobs that are handed over at once; one that is larger comes alone
    """

    def __init__(self, work: Callable[[list], list], most: int):
        self._work, self._most = work, most
        self._waiting: deque[tuple[object, int, asyncio.Future]] = deque()
        self._busy = False
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="model")

    def __len__(self) -> int:
        return len(self._waiting)

    async def ask(self, job: object, n_bytes: int) -> Any:
        """The result of one job."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.append((job, n_bytes, future))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._begin, loop)  # what else came in this turn of the loop goes with it
        return await future

    def close(self) -> None:
        """Take no more jobs; those that wait are dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _begin(self, loop) -> None:
        batch, total = [], 0
        while self._waiting and (not batch or total + self._waiting[0][1] <= self._most):
            job, n_bytes, future = self._waiting.popleft()
            if not future.done():  # else whoever asked has gone
                batch.append((job, future))
                total += n_bytes
        if not batch:
            self._busy = False
            return
        done = self._thread.submit(self._work, [job for job, _ in batch])
        done.add_done_callback(lambda done: loop.call_soon_threadsafe(self._end, loop, batch, done))

    def _end(self, loop, batch: list, done: concurrent.futures.Future) -> None:
        failed = done.exception()
        results = [failed] * len(batch) if failed else done.result()
        for (_, future), result in zip(batch, results):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._begin(loop)
