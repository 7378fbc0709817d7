"""Adding data: upload, path, ready-made set or your own Dataset; a table is looked at before it is read."""

import hashlib
import pathlib
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core import words
from core.data import imports, ingest, store
from core.data.tables import columns
from core.workspace import workspace
from dashboard import frame

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

UPLOADS = ["csv", "tsv", "txt", "data", "parquet", "xlsx", "gz", "zip"]
SEPARATORS = {"": "found by itself", ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
DECIMALS = {"": "found by itself", ".": "point: 3.5", ",": "comma: 3,5"}
WAYS = ("Upload", "Path", "Ready-made", "Your Dataset")


def show() -> None:
    """The form for new data."""
    st.header("Add data", anchor=False)
    way = st.segmented_control("Where from", WAYS, default="Upload", label_visibility="collapsed", key="add-way")
    if way == "Path":
        _path()
    elif way == "Ready-made":
        _ready_made()
    elif way == "Your Dataset":
        _own()
    else:
        _upload()


def _upload() -> None:
    file = st.file_uploader(
        "A table (CSV, TSV, Parquet, Excel), or a .zip of photographs with a folder for each class",
        type=UPLOADS,
        key="add-file",
    )
    if file is None:
        st.caption(
            "Nothing leaves this machine. Photographs: `cats/1.jpg`, `dogs/2.jpg`, or under `train/` and `test/`."
        )
        return
    path = keep(file.name, file.getbuffer())
    if path.suffix == ".zip":
        _name_and_go(str(path), store.clean(pathlib.PurePath(file.name).stem), {}, "folder")
    else:
        _table(str(path), store.clean(pathlib.PurePath(file.name).stem))


def keep(name: str, content: bytes | memoryview) -> pathlib.Path:
    """An uploaded file kept in the workspace, under a name of ours; the same content is kept once."""
    suffix = next((f".{end}" for end in UPLOADS if name.lower().endswith(f".{end}")), ".csv")
    stem = store.clean(pathlib.PurePath(name).name.split(".")[0])
    folder = workspace() / "uploads" / hashlib.sha256(content).hexdigest()[:16]
    path = folder / f"{stem}{'.csv.gz' if suffix == '.gz' else suffix}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}")
        beside.write_bytes(content)
        beside.replace(path)
    return path


def _path() -> None:
    text = st.text_input(
        "A table, a .zip, or a folder with a folder of images for each class, on the machine that Vitrine runs on",
        placeholder="/home/me/photos",
        key="add-path",
    ).strip()
    if not text:
        return
    path = pathlib.Path(text).expanduser()
    if not path.exists():
        st.error(
            f"There is nothing at {words.literal(str(path))}; give the path of a file or folder.",
            icon=":material/error:",
        )
    elif path.is_dir() or path.suffix.lower() == ".zip":
        _name_and_go(str(path), store.clean(path.stem), {}, "folder")
    else:
        _table(str(path), store.clean(path.name.split(".")[0]))


def _ready_made() -> None:
    ready: dict = ingest.reader("torchvision").READY
    name = st.selectbox("Set of torchvision", list(ready), key="add-ready")
    root = st.text_input(
        "Folder that holds its files already",
        help="Empty: they are downloaded. MNIST and its kin may lie there as their four .gz files.",
        key="add-root",
    ).strip()
    st.caption(f"Licence: {ready[name].licence}.")
    _name_and_go(name, store.clean(name), {"root": root} if root else {}, "torchvision", same=True)


def _own() -> None:
    text = st.text_input(
        "Your map-style torch Dataset as package.module:name",
        placeholder="my_package.my_module:MyDataset",
        help="It is imported on this machine, from the folder where Vitrine was started.",
        key="add-own",
    ).strip()
    left, right = st.columns(2)
    test = left.text_input("Another one for the test part", placeholder="optional", key="add-own-test").strip()
    arguments = right.text_input("Arguments as JSON", placeholder='{"root": "photos"}', key="add-own-args").strip()
    if text:
        given = {"test": test, "arguments": arguments}
        name = store.clean(text.rpartition(":")[2])
        _name_and_go(text, name, {key: value for key, value in given.items() if value}, "own")


def _table(where: str, name: str) -> None:
    values, place = reading_form(where, {}, "add")
    if values is not None:
        with place:
            _name_and_go(where, name, values, "table", same=True)


def _name_and_go(text: str, name: str, values: dict, reader: str, same: bool = False) -> None:
    """The name, the settings of the reader that are left, and the button that starts."""
    if reader in ("folder", "torchvision") and not same:
        size = st.number_input(
            "Stored size in pixels (0: by itself)",
            0,
            512,
            0,
            16,
            key=f"add-size-{text}",
            width=320,
            help="Training reads images that were made squares of this side once. 0 chooses it from the images.",
        )
        values = values | ({"size": int(size)} if size else {})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.text_input("Name", value=name, key=f"add-name-{text}", width=260).strip()
        if st.button("Add", type="primary", icon=":material/add:", key=f"add-go-{text}"):
            st.session_state["import"] = imports.start(text, chosen, values)
            st.rerun()
    if store.clean(chosen) in store.names():
        st.caption(f"There is a data set {words.markdown(chosen)} already: this becomes its new version.")


# ------------------------------------------------------------------------------------------------ how a table is read


@st.cache_data(show_spinner="Looking at the table", max_entries=8)
def _look(where: str, stamp: tuple, values: dict):  # noqa: ARG001 (the stamp is part of the key)
    table = ingest.reader("table")
    return table.look(where, ingest.options_of("table", values))


def reading_form(where: str, values: dict, key: str) -> tuple[dict | None, "DeltaGenerator"]:
    """How a table is read, to be corrected.

    Returns the reader's settings, None if it cannot be read like this, and the place for the button that goes on: in
    sight without scrolling past rows and columns.
    """
    path = pathlib.Path(where)
    try:
        stamp = (path.stat().st_size, path.stat().st_mtime_ns)
        look = _look(where, stamp, _settled(values, where, key))
    except OSError as error:
        st.error(f"{words.literal(path.name)} cannot be read ({error.strerror}).", icon=":material/error:")
        return None, st.container()
    except (ValueError, LookupError) as error:
        st.error(words.literal(str(error.args[0])), icon=":material/error:")
        _dialect(None, where, values, key)
        return None, st.container()
    left, right = st.columns([2, 3])
    with left:
        names = list(look.names)
        target = st.selectbox(
            "Column to predict",
            names,
            index=names.index(look.target) if look.target in names else None,
            key=f"{key}-target-{where}",
            help="The class of each row. The likeliest column is chosen already.",
        )
        about = words.count(look.n_rows, "row")
        st.caption(f"About {about}, {words.count(len(names), 'column')}. {_classes(look.classes)}")
    with right:
        _dialect(look, where, values, key)
        place = st.container()
    for note in look.notes[:3]:
        st.caption(f":material/info: {words.markdown(note.text)}")
    if look.problem:
        st.error(words.markdown(look.problem), icon=":material/error:")
    st.markdown("**First rows, as they stand in the file**")
    rows = pd.DataFrame([[str(cell)[:80] for cell in row] for row in look.rows], columns=names)
    st.dataframe(rows, hide_index=True, height=180, alt="The first rows of the table")
    types = _types(look.reports, values.get("types", {}), f"{key}-types-{where}-{target}")
    if look.problem:
        return None, place
    return _settled(values, where, key) | ({"types": types} if types else {}), place


def _settled(values: dict, where: str, key: str) -> dict:
    """The settings, with what the form's widgets say instead, drawn or not; what is found by itself is left out."""
    widgets = {
        name: f"{key}-{name}-{where}"
        for name in ("target", "header", "separator", "decimal", "encoding", "missing_words")
    }
    said = {name: st.session_state[widget] for name, widget in widgets.items() if widget in st.session_state}
    return {name: value for name, value in {**values, **said}.items() if value not in (None, "", "auto", {})}


def _dialect(look, where: str, values: dict, key: str) -> None:
    """What was detected, and widgets to say otherwise."""
    found = look.dialect if look else None
    told = "How it is written"
    if found:
        sign = SEPARATORS.get(found.separator, found.separator)
        told += f": {sign}, {found.encoding}, {'a header line' if found.header else 'no header line'}"
        told += ", decimal comma" if found.decimal == "," else ""
    with st.expander(told, expanded=look is None):
        first, second = st.columns(2)
        now = values.get("separator", "")
        signs = list(dict.fromkeys([*SEPARATORS, now]))  # in the shell it may be any
        first.selectbox(
            "Separator",
            signs,
            index=signs.index(now),
            format_func=lambda sign: SEPARATORS.get(sign, sign),
            key=f"{key}-separator-{where}",
        )
        second.selectbox(
            "Decimal sign",
            list(DECIMALS),
            index=_place(list(DECIMALS), values.get("decimal", "")),
            format_func=DECIMALS.__getitem__,
            key=f"{key}-decimal-{where}",
        )
        first.selectbox(
            "First line holds the names",
            ["auto", "yes", "no"],
            index=_place(["auto", "yes", "no"], values.get("header", "auto")),
            key=f"{key}-header-{where}",
        )
        second.text_input(
            "Encoding", values.get("encoding", ""), placeholder="found by itself", key=f"{key}-encoding-{where}"
        )
        st.text_input(
            "Words that mean missing, beside blank, NA and ?",
            values.get("missing_words", ""),
            placeholder="unknown, n/k",
            key=f"{key}-missing_words-{where}",
        )


def _types(reports, wishes: dict, key: str) -> dict:
    """The columns with their types, to be changed; returns what differs from what was found."""
    st.markdown("**Columns**")
    table = pd.DataFrame(
        {
            "use": [report.use for report in reports],
            "column": [report.name for report in reports],
            "type": [report.type for report in reports],
            "missing": [report.n_missing for report in reports],
            "bad cells": [report.n_bad for report in reports],
            "values": [report.distinct for report in reports],
            "why": [report.reason or report.note for report in reports],
        }
    )
    edited = st.data_editor(
        table,
        hide_index=True,
        key=key,
        height=min(38 + 35 * len(table), 420),
        disabled=["column", "missing", "bad cells", "values", "why"],
        column_config={
            "use": st.column_config.CheckboxColumn("Use", help="Whether the model reads it.", width="small"),
            "column": st.column_config.TextColumn("Column"),
            "type": st.column_config.SelectboxColumn(
                "Type", options=[*columns.COLUMN_TYPES, *columns.LEFT_OUT_TYPES], required=True
            ),
            "missing": st.column_config.NumberColumn("Missing"),
            "bad cells": st.column_config.NumberColumn(
                "Bad cells", help="Cells that are no number in a column of numbers."
            ),
            "values": st.column_config.NumberColumn("Different values"),
            "why": st.column_config.TextColumn("Why", width="large"),
        },
    )
    changed = dict(wishes)
    for report, (_, row) in zip(reports, edited.iterrows()):
        if row["type"] != report.type:
            changed[report.name] = row["type"]
        elif bool(row["use"]) != report.use:
            changed[report.name] = "use" if row["use"] else "leave out"
    return changed


def _classes(counts: dict[str, int]) -> str:
    shown = ", ".join(f"{words.markdown(name)} {n:,}" for name, n in list(counts.items())[:5])
    more = f" and {len(counts) - 5} more" if len(counts) > 5 else ""
    return f"Classes: {shown}{more}." if shown else ""


def _place(options: list, value) -> int:
    return options.index(value) if value in options else 0


# ------------------------------------------------------------------------------------------------ reading in progress


def progress() -> None:
    """The import under way, with time left and Stop; when it is done, its set is opened.

    One that another tab started, or this one before it was loaded again, is shown too.
    """
    job = st.session_state.get("import")
    if job is None:
        job = next((row["id"] for row in imports.all_jobs() if row["state"] == "working"), None)
        st.session_state["import"] = job
    if job:
        frame.repeated(_progress, 1, job)


def _progress(job: str) -> None:
    if not imports.folder(job).exists():  # another tab saw its end
        st.session_state.pop("import", None)
        st.rerun()
    row = imports.status(job)
    if row["state"] == "working":
        left, right = st.columns([6, 1], vertical_alignment="center")
        share = row["done"] / row["total"] if row.get("total") else 0.0
        text = row["phase"]
        if row.get("total"):
            text += f": {row['done']:,} of {row['total']:,}"
        if row.get("seconds_left"):
            text += f", {words.duration(row['seconds_left'])} left"
        left.progress(min(1.0, share), text=text)
        if right.button("Stop", icon=":material/stop:", key="stop-import", width="stretch"):
            imports.stop(job)
        return
    st.session_state.pop("import", None)
    if row["state"] == "done":
        imports.forget(job)
        st.session_state["data-said"] = f"{row['name']} is added."
        st.session_state["data-open"] = row["name"]
    else:
        st.session_state["data-failed"] = row["message"]
    st.rerun()
