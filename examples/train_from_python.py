"""Train, look at the figures, explain one decision, export and prove: the whole job from Python."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))  # not needed where the project is on the path

import core
from core import evaluation, explain, runs, trust
from exports.pipeline import export_and_prove

run = core.train("digits", "cnn", epochs=5)
figures = runs.evaluation(run)["test"]
print(evaluation.sentence(figures, "image"))
print(explain.describe(explain.explain(run, method="gradcam")), trust.judge(run, method="gradcam")["sentence"])
print(export_and_prove(run)["verdict"])
print(runs.path(run, "exports", "model.onnx"))
