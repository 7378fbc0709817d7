"""Two things side by side: the style finds the columns by their key."""

from streamlit.testing.v1 import AppTest

from dashboard import frame

SCRIPT = """
from dashboard import side_by_side
left, right = side_by_side.columns("figures", [3, 2])
left.text("1")
right.text("2")
"""


def test_columns_are_in_a_container_that_the_style_makes_narrow():
    page = AppTest.from_string(SCRIPT).run()
    assert not page.exception and [column.text[0].value for column in page.columns] == ["1", "2"]
    assert '[class*="st-key-beside-"]' in frame.STYLE
    assert "beside-figures" in str(page.main.children[0].proto)
