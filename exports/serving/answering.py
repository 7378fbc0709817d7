"""Requests -> answers: read, checked, asked of the model together, and written as JSON. Runs in the model's thread."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from exports.model_file import ModelFile, pixels
from exports.serving import reading, tensors
from exports.serving.limits import Limits, Refused

ALWAYS = ("label", "decision", "abstain", "probabilities", "set", "outlier")  # where the file has them
ON_REQUEST = ("explanation", "embedding", "logits")


@dataclass(frozen=True)
class Job:
    """The body of a request, its content type, and what it wants beside the outputs that all get."""

    content: bytes
    content_type: str
    extras: tuple[str, ...] = ()


class Answerer:
    """Answers lists of jobs with a model; `asked` is called with the number of samples whenever the model is.

    A file that does not say what it is, or that takes no pictures or columns, is served with tensors.
    """

    def __init__(self, model: ModelFile, limits: Limits, asked: Callable[[int], None]):
        self.model, self.limits, self.asked = model, limits, asked
        self.kind = kind_of(model)
        self.always = tuple(name for name in ALWAYS if name in model.outputs)

    def answer(self, jobs: list[Job]) -> list[bytes | Exception]:
        """An answer for each job as JSON text, or why there is none."""
        if self.kind != "table":
            one = self._pictures if self.kind == "image" else self._tensors
            return [_caught(one, job) for job in jobs]
        results: list[Any] = [None] * len(jobs)
        groups: dict[tuple, list[tuple[int, list[dict]]]] = {}
        for i, job in enumerate(jobs):
            read = _caught(reading.rows, job.content, job.content_type, self.model.inputs, self.limits)
            if isinstance(read, Exception):
                results[i] = read
            else:
                groups.setdefault(job.extras, []).append((i, read))
        for extras, group in groups.items():
            answers = _caught(self._rows, [rows for _, rows in group], extras)
            if isinstance(answers, Exception):  # one of them is bad: the others must not suffer
                answers = [_caught(self._rows, [rows], extras) for _, rows in group]
                answers = [one if isinstance(one, Exception) else one[0] for one in answers]
            for (i, _), answer in zip(group, answers):
                results[i] = answer
        return results

    def _rows(self, requests: list[list[dict]], extras: tuple[str, ...]) -> list[bytes]:
        """Answers for requests of some rows each, asked together."""
        rows = [row for request in requests for row in request]
        names, wanted = [one["column"] for one in self.model.inputs], [*self.always, *extras]
        try:
            feeds = self.model.columns({name: [row[name] for row in rows] for name in names})
        except KeyError:
            i, name = next((i, name) for i, row in enumerate(rows) for name in names if name not in row)
            said = f"Row {i + 1} has no column {reading.quoted(name)}; give null where its value is missing."
            raise Refused(422, said) from None
        except (ValueError, LookupError) as error:
            raise Refused(422, str(error)) from None
        samples = []
        for start in range(0, len(rows), self.limits.batch):
            some = {name: values[start : start + self.limits.batch] for name, values in feeds.items()}
            self.asked(min(self.limits.batch, len(rows) - start))
            samples += self._samples(self.model.ask(some, wanted))
        if len(requests) == 1:
            return [_dump(samples)]
        ends = np.cumsum([len(request) for request in requests]).tolist()
        return [_dump(samples[end - len(request) : end]) for request, end in zip(requests, ends)]

    def _pictures(self, job: Job) -> bytes:
        """The answer for some image files; those of one size that stand together are asked together."""
        channels, wanted = self.model.inputs[0]["shape"][1], [*self.always, *job.extras]
        samples, held = [], []

        def ask() -> None:
            if held:
                self.asked(len(held))
                samples.extend(self._samples(self.model.ask({self.model.inputs[0]["name"]: np.stack(held)}, wanted)))
                held.clear()

        files = reading.images(job.content, job.content_type, self.limits)
        for i, (name, content) in enumerate(files):
            shown = f"Image {i + 1}" + (f" ({reading.quoted(name)})" if name else "")
            reading.check_size(content, shown, self.limits)
            try:
                image = pixels(content, channels)
            except ValueError as error:
                raise Refused(422, f"{shown}: {error}") from None
            if held and (held[0].shape != image.shape or (len(held) + 1) * image.size > channels * self.limits.pixels):
                ask()
            held.append(image)
        ask()
        return _dump([{"file": name} | sample if name else sample for (name, _), sample in zip(files, samples)])

    def _tensors(self, job: Job) -> bytes:
        feeds = tensors.feeds(job.content, job.content_type, self.model)
        try:
            found = self.model.ask(feeds)
        except Exception as error:  # onnxruntime's many kinds: all are about these inputs, as the file itself was read
            problem = str(error).splitlines()[0]
            raise Refused(422, f"The model cannot answer for these inputs ({problem}).") from None
        return _bytes({"outputs": {name: tensors.plain(values) for name, values in found.items()}})

    def _samples(self, found: dict[str, np.ndarray]) -> list[dict]:
        """Arrays with a row for each sample -> a dict for each sample, as JSON has it."""
        classes = self.model.classes
        parts = {}
        for name, values in found.items():
            if name == "probabilities":
                parts[name] = [dict(zip(classes, row)) for row in values.tolist()]
            elif name == "set":
                parts[name] = [[classes[k] for k in np.flatnonzero(row)] for row in values]
            elif name == "explanation" and self.kind == "table":
                columns = [one["column"] for one in self.model.inputs]
                parts[name] = [dict(zip(columns, row)) for row in values.tolist()]
            else:
                parts[name] = values.tolist()
        if "abstain" in parts and "label" in parts:
            parts["label"] = [None if silent else name for silent, name in zip(parts["abstain"], parts["label"])]
        names = list(parts)
        return [dict(zip(names, sample)) for sample in zip(*parts.values())]


def kind_of(model: ModelFile) -> str:
    """ "image" (takes image files), "table" (takes rows) or "tensor" (takes arrays, as the file says no more)."""
    if model.kind == "image" and model.inputs[0]["type"] == "uint8":
        return "image"
    return "table" if model.kind == "table" else "tensor"


def _dump(samples: list[dict]) -> bytes:
    return _bytes({"predictions": samples})


def _bytes(values) -> bytes:
    import orjson

    return orjson.dumps(values)


def _caught(function, *arguments):
    """What the function returns, or the exception that it raises: it is for this request alone."""
    try:
        return function(*arguments)
    except Exception as error:
        return error
