"""What people say of a run: title, tags, note, star and whether it is archived, in `notes.json` of its folder."""

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass

from core import files, runs, words

FILE = "notes.json"
ASIDE = "notes-damaged.json"  # what could not be read, when new notes are written
MAX_TITLE = 80  # characters
MAX_TAG, MAX_TAGS = 24, 12  # characters of a tag, tags of a run
MAX_NOTE = 10_000  # characters


@dataclass(frozen=True)
class Notes:
    """What a person says of a run."""

    title: str = ""  # shown in place of the run's name; empty shows the name
    tags: tuple[str, ...] = ()
    note: str = ""
    star: bool = False
    archived: bool = False  # left out of lists unless asked for


def read(run: str) -> Notes:
    """The notes of a run; empty ones if there are none or the file is damaged."""
    try:
        return _stored(run)
    except (ValueError, TypeError, LookupError):
        return Notes()


def _stored(run: str) -> Notes:
    values = runs.read_json(run, FILE)
    known = {field.name for field in dataclasses.fields(Notes)}
    return _checked(Notes(**{name: value for name, value in values.items() if name in known}))


def write(run: str, **changes) -> Notes:
    """Change some of the notes of a run and return all of them.

    changes : fields of Notes by name
    Raises ValueError with a sentence if one is too long or of the wrong kind, or if a newer Vitrine wrote them;
    LookupError if there is no such run.
    """
    return _write(run, lambda known: dataclasses.replace(known, **changes))


def tag(run: str, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> Notes:
    """Add tags to a run and take others away, whatever somebody else does to them meanwhile. Raises as `write`."""
    return _write(run, lambda known: dataclasses.replace(known, tags=_tags(known.tags, add, remove)))


def merge(run: str, before: Notes, after: Notes) -> Notes:
    """Write what a person changed, from `before` to `after`, and keep what somebody else changed meanwhile.

    Where both changed the note, theirs stays and the person's is added below. Raises as `write`.
    """

    def merged(known: Notes) -> Notes:
        changed = {
            field.name: getattr(after, field.name)
            for field in dataclasses.fields(Notes)
            if getattr(after, field.name) != getattr(before, field.name)
        }
        if "tags" in changed:
            changed["tags"] = _tags(known.tags, after.tags, tuple(set(before.tags) - set(after.tags)))
        if "note" in changed and known.note not in (before.note, ""):
            changed["note"] = f"{known.note}\n\n{after.note}"
        return dataclasses.replace(known, **changed)

    return _write(run, merged)


def _write(run: str, change: Callable[[Notes], Notes]) -> Notes:
    """Change the notes of a run while nobody else does; a file that cannot be read is kept aside."""
    if not runs.path(run).is_dir():
        raise LookupError(f"There is no run {run} in {runs.workspace()}; it may have been deleted or moved.")
    target = runs.path(run, FILE)
    with files.alone(target):
        known = Notes()
        if target.exists():
            try:
                known = _stored(run)
            except runs.NewerRun:
                raise
            except (ValueError, TypeError):
                os.replace(target, target.with_name(ASIDE))
        notes = _checked(change(known))
        files.write_json(target, {"format": 1, **dataclasses.asdict(notes), "tags": list(notes.tags)})
    return notes


def _tags(known: tuple[str, ...], add: tuple[str, ...], remove: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in dict.fromkeys((*known, *add)) if word not in remove)


def problem(run: str) -> str | None:
    """What is wrong with the file of the notes, in a sentence; None if nothing is."""
    if not runs.path(run, FILE).exists():
        return None
    try:
        _stored(run)
    except runs.NewerRun as error:
        return str(error)
    except (ValueError, TypeError, LookupError):
        return (
            f"The notes of run {run} cannot be read; repair {runs.path(run, FILE)}, or write new ones: "
            f"the file is then kept as {ASIDE}."
        )
    return None


def split_tags(text: str) -> tuple[str, ...]:
    """Tags as a person types them: "baseline, wide net" -> ("baseline", "wide net")."""
    return tuple(tag for part in text.split(",") if (tag := " ".join(part.split())))


def name(run: str) -> str:
    """What to call a run: its title, or else its last words ("quiet-maple")."""
    return read(run).title or run[11:] or run


def _checked(notes: Notes) -> Notes:
    """The notes with spaces in order and each tag once; ValueError with a sentence if something cannot be."""
    for field, value in (("title", notes.title), ("note", notes.note)):
        if not isinstance(value, str):
            raise ValueError(f"The {field} is {words.cut(repr(value), 60)}; it must be text.")
    for field, value in (("star", notes.star), ("archived", notes.archived)):
        if not isinstance(value, bool):
            raise ValueError(f"{field} is {value!r}; it must be true or false.")
    if not isinstance(notes.tags, (list, tuple)) or not all(isinstance(tag, str) for tag in notes.tags):
        raise ValueError(f"The tags are {words.cut(repr(notes.tags), 60)}; they must be a list of words.")
    title = " ".join(notes.title.split())
    tags = tuple(dict.fromkeys(split_tags(",".join(notes.tags))))
    if len(title) > MAX_TITLE:
        raise ValueError(f"The title has {len(title)} characters; give one of at most {MAX_TITLE}.")
    if long := [tag for tag in tags if len(tag) > MAX_TAG]:
        shown = words.quoted(long[0])
        raise ValueError(f"The tag {shown} has {len(long[0])} characters; give one of at most {MAX_TAG}.")
    if len(tags) > MAX_TAGS:
        raise ValueError(f"There are {len(tags)} tags; a run can have at most {MAX_TAGS}.")
    if len(notes.note) > MAX_NOTE:
        raise ValueError(f"The note has {len(notes.note):,} characters; give one of at most {MAX_NOTE:,}.")
    unshown = [sign for sign in title + "".join(tags) if not sign.isprintable()]
    if unshown:
        raise ValueError(f"The title or a tag holds the control character {unshown[0]!r}; leave it out.")
    return dataclasses.replace(notes, title=title, tags=tags)
