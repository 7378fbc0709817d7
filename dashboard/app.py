"""The dashboard's entry: the list of its pages, in the order of the work, and nothing else."""


def main() -> None:
    """Begin the dashboard, list its pages and run the one that is asked for."""
    import pathlib
    import sys

    root = str(pathlib.Path(__file__).resolve().parent.parent)
    if root not in sys.path:
        sys.path.insert(0, root)
    import streamlit as st

    from dashboard import access, frame

    frame.begin()
    # the first page is at the bare address, whatever its path is called; it is at /runs too
    runs = st.Page("views/runs.py", title="Runs", icon=":material/view_list:", url_path="home", default=True)
    groups = {
        # not in a folder named "pages": Streamlit would serve its files by themselves until this ran once
        "Work": [
            runs,
            st.Page("views/data.py", title="Data", icon=":material/database:"),
            st.Page("views/train.py", title="Train", icon=":material/model_training:"),
            st.Page("views/search.py", title="Search", icon=":material/manage_search:"),
            st.Page("views/live.py", title="Live", icon=":material/monitoring:"),
        ],
        "Understand": [
            st.Page("views/evaluate.py", title="Evaluate", icon=":material/analytics:"),
            st.Page("views/explain.py", title="Explain", icon=":material/search_insights:"),
            st.Page("views/compare.py", title="Compare", icon=":material/compare_arrows:"),
        ],
        "Deliver": [
            st.Page("views/export.py", title="Export", icon=":material/deployed_code:"),
            st.Page("views/share.py", title="Share", icon=":material/ios_share:"),
        ],
    }
    named = st.Page("views/runs.py", title="Runs", icon=runs.icon, url_path="runs", visibility="hidden")
    page = st.navigation({**groups, "": [named]}, position="hidden")
    access.gate()  # after the page is known, so that a link still opens what it names
    frame.sidebar(groups, page)
    frame.run(page)


if __name__ == "__main__":  # also keeps spawned processes, which import this file, from running it
    main()
