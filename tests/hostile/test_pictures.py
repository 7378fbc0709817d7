"""Hostile files end in a right reading or in one sentence."""

from tests.hostile import judging, pictures


@judging.parametrised(pictures.CASES)
def test_a_hostile_image_is_read_rightly_or_refused_in_a_sentence(case, tmp_path):
    judging.must_end_well(case, tmp_path)
