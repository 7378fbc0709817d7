"""Hostile files end in a right reading or in one sentence."""

from tests.hostile import judging, weights_files


@judging.parametrised(weights_files.CASES)
def test_a_hostile_weights_file_is_read_rightly_or_refused_in_a_sentence(case, tmp_path):
    judging.must_end_well(case, tmp_path)
