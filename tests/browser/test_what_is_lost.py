"""A page stays whole where what a part drew was lost: Streamlit drops what it has not sent when a part runs again."""

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.serving import serving
from tests.dashboard import pages

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def lose_parts(socket) -> None:
    """Let the first run's messages through but for those of parts that run alone later, as a busy server does."""
    server, first = socket.connect_to_server(), True

    def pass_on(message: bytes) -> None:
        nonlocal first
        said = ForwardMsg.FromString(message)
        if not (first and said.delta.fragment_id):
            socket.send(message)
        first = first and said.WhichOneof("type") != "script_finished"

    server.on_message(pass_on)
    socket.on_message(server.send)


@pytest.mark.parametrize("name, said", [("runs", "Newest:"), ("live", "Epoch 5 of 9")])
def test_what_is_above_and_below_a_part_that_runs_again_stays_when_its_first_drawing_is_lost(
    page, workspace, name, said
):
    at_work = pages.at_work(4, phase="training", epoch=5, step=45, n_steps=90, seconds_left=60.0)
    with at_work as run, serving(workspace) as address:
        page.route_web_socket("**/_stcore/stream", lose_parts)
        page.goto(f"{address}/{name}?run={run}")
        page.get_by_text(said).first.wait_for()
        page.get_by_test_id("stSidebar").get_by_text("1 min left").wait_for()
        page.wait_for_timeout(2500)  # both have run again
        assert page.locator("h1").count() == 1
        assert page.get_by_text("Workspace:").count() == 1
