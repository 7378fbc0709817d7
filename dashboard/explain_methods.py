"""What each method answers, what it does not, and where it comes from."""

import streamlit as st

from core import explain, words
from core.data.dataset import Schema

SCOPES = {"sample": "One sample", "model": "The whole model"}


def tab(schema: Schema) -> None:
    """Each method in three sentences, those that fit the run's data first."""
    fitting = explain.available(schema.kind)
    st.caption(f"These work on {schema.sample_word}s, as this run has them.")
    for column, (scope, title) in zip(st.columns(2, gap="large"), SCOPES.items()):
        with column:
            st.markdown(f"##### {title}")
            for name in fitting:
                if scope == explain.module(name).SCOPE:
                    _one(name)
    other = {"image": "table", "table": "image"}[schema.kind]
    rest = [name for name in explain.available(other) if name not in fitting]
    if rest:
        with st.expander(f"Methods for {'rows' if other == 'table' else 'images'}, which do not fit this run"):
            for name in rest:
                _one(name)


def _one(name: str) -> None:
    module = explain.module(name)
    st.markdown(
        f"**{words.markdown(module.TITLE)}**  \n"
        f"{words.markdown(module.ANSWERS)} What it does not say: {words.markdown(module.SILENT)} "
        f":gray[{words.markdown(module.SOURCE)}]"
    )
