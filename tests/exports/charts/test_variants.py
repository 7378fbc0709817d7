"""The figure of variants: what is faster, what is as accurate."""

from exports.charts import variants as variant_charts


def row(name, median, accuracy=0.9, answer=None, **more):
    timed = [{"batch": 1, "threads": 1, "median": median, "p95": 2 * median, "throughput": 1 / median}]
    figure = {"value": accuracy, "low": accuracy - 0.02, "high": accuracy + 0.01}
    found = {"name": name, "bytes": 1000, "latency": timed, "accuracy": figure}
    return found | ({"equivalence": {"answer": answer}} if answer else {}) | more


def test_each_file_is_a_point_at_its_time_and_accuracy():
    record = {"variants": [row("fp32", 0.004), row("fp16", 0.003, 0.8, "worse")]}
    fig = variant_charts.choice(record)
    assert [(trace.text[0], trace.x[0], trace.y[0]) for trace in fig.data] == [("fp16", 3.0, 0.8), ("fp32", 4.0, 0.9)]
    assert fig.data[0].marker.color == variant_charts.COLORS["worse"]
    assert "less accurate" in fig.data[0].hovertemplate


def test_what_could_not_be_made_or_was_not_timed_is_left_out():
    record = {"variants": [row("fp32", 0.004), {"name": "fp16", "error": "It cannot be made."}, row("int8", 0.1)]}
    record["variants"][2]["latency"] = []
    assert [trace.text[0] for trace in variant_charts.choice(record).data] == ["fp32"]


def test_times_far_apart_are_drawn_by_their_ratio():
    far = {"variants": [row("fp32", 0.001), row("fp16", 0.1, answer="unknown")]}
    near = {"variants": [row("fp32", 0.001), row("fp16", 0.002, answer="unknown")]}
    assert variant_charts.choice(far).layout.xaxis.type == "log"
    assert variant_charts.choice(near).layout.xaxis.range[0] == 0
