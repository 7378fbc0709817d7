"""Hostile files end in a right reading or in one sentence."""

from tests.hostile import judging, onnx_files


@judging.parametrised(onnx_files.CASES)
def test_a_hostile_onnx_file_is_read_rightly_or_refused_in_a_sentence(case, tmp_path):
    judging.must_end_well(case, tmp_path)
