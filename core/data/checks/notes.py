"""What the reader of the data had to say: files it could not read, cells that are no number, rows it mended."""

from core import words
from core.data.checks.finding import Finding, evidence, listed
from core.data.dataset import Dataset

MOST_NOTES = 20  # of one kind that get a finding of their own


def find(dataset: Dataset) -> list[Finding]:
    """What the reader had to say, as findings."""
    found = []
    by_kind = {kind: [note for note in dataset.notes if note.kind == kind] for kind in ("file", "rows", "column")}
    files = by_kind["file"]
    if files:
        subjects, texts = [note.subject for note in files if note.subject], [note.text for note in files]
        is_are = "is" if len(subjects) == 1 else "are"
        more = "".join(f" {note.text}" for note in files if not note.subject)
        sentence = f"{words.count(len(subjects), 'file')} {is_are} left out: {listed(subjects)}.{more}"
        found.append(Finding("file", "warning", sentence, evidence(len(subjects), files=subjects, texts=texts)))
    for kind, severity in (("rows", "warning"), ("column", "note")):
        notes = by_kind[kind]
        for note in notes[:MOST_NOTES]:
            concerned = {"columns": [note.subject]} if kind == "column" else {}
            sentence = f"Column {listed([note.subject])}: {note.text}" if kind == "column" else note.text
            found.append(Finding(kind, severity, sentence, evidence(1, **concerned)))
        rest = [note.subject for note in notes[MOST_NOTES:]]
        if rest:
            sentence = f"{words.count(len(rest), 'more note')} of this kind: {listed(rest)}."
            concerned = {"columns": rest} if kind == "column" else {}
            found.append(Finding(kind, severity, sentence, evidence(len(rest), **concerned)))
    return found
