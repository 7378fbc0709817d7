"""What people say of a run: title, tags, note, star and whether it is archived, in `notes.json` of its folder."""

import dataclasses
from dataclasses import dataclass

from core import runs

FILE = "notes.json"
MAX_TITLE = 80  # characters
MAX_TAG, MAX_TAGS = 24, 12  # characters of a tag, tags of a run
MAX_NOTE = 10_000  # characters


@dataclass(frozen=True)
class Notes:
    title: str = ""  # shown in place of the run's name; empty shows the name
    tags: tuple[str, ...] = ()
    note: str = ""
    star: bool = False
    archived: bool = False  # left out of lists unless asked for


def read(run: str) -> Notes:
    """The notes of a run; empty ones if there are none or the file is damaged."""
    try:
        values = runs.read_json(run, FILE)
        known = {field.name for field in dataclasses.fields(Notes)}
        return _checked(Notes(**{name: value for name, value in values.items() if name in known}))
    except (ValueError, TypeError, LookupError):
        return Notes()


def write(run: str, **changes) -> Notes:
    """Change some of the notes of a run and return all of them.

    changes : fields of Notes by name
    Raises ValueError with a sentence if one is too long or of the wrong kind, LookupError if there is no such run.
    """
    if not runs.path(run).is_dir():
        raise LookupError(f"There is no run {run} in {runs.workspace()}; it may have been deleted or moved.")
    notes = _checked(dataclasses.replace(read(run), **changes))
    runs.write_json(runs.path(run, FILE), {**dataclasses.asdict(notes), "tags": list(notes.tags)})
    return notes


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
            raise ValueError(f"The {field} is {value!r}; it must be text.")
    for field, value in (("star", notes.star), ("archived", notes.archived)):
        if not isinstance(value, bool):
            raise ValueError(f"{field} is {value!r}; it must be true or false.")
    if not isinstance(notes.tags, (list, tuple)) or not all(isinstance(tag, str) for tag in notes.tags):
        raise ValueError(f"The tags are {notes.tags!r}; they must be a list of words.")
    title = " ".join(notes.title.split())
    tags = tuple(dict.fromkeys(split_tags(",".join(notes.tags))))
    if len(title) > MAX_TITLE:
        raise ValueError(f"The title has {len(title)} characters; give one of at most {MAX_TITLE}.")
    if long := [tag for tag in tags if len(tag) > MAX_TAG]:
        raise ValueError(f"The tag {long[0]!r} has {len(long[0])} characters; give one of at most {MAX_TAG}.")
    if len(tags) > MAX_TAGS:
        raise ValueError(f"There are {len(tags)} tags; a run can have at most {MAX_TAGS}.")
    if len(notes.note) > MAX_NOTE:
        raise ValueError(f"The note has {len(notes.note):,} characters; give one of at most {MAX_NOTE:,}.")
    unshown = [sign for sign in title + "".join(tags) if not sign.isprintable()]
    if unshown:
        raise ValueError(f"The title or a tag holds the control character {unshown[0]!r}; leave it out.")
    return dataclasses.replace(notes, title=title, tags=tags)
