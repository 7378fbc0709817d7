"""Explainers: how long a picture takes, beside captum doing the same work; and the map of 10,000 embeddings.

    python benchmarks/explain.py [--repeats 7] [--weights FILE] [--part images|embedding]

To reach, warm, on 2 cores, for one picture of 224x224 on MobileNetV2: Grad-CAM with its figure in under 0.3 s,
integrated gradients with 32 steps in under 2 s; the t-SNE of 10,000 embeddings in under 60 s. The two sides take turns.
"""

import argparse
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np
import torch

from benchmarks._contest import SHARED
from core import model as models
from core.config import NetConfig
from core.data.dataset import Schema
from core.explain import _maps, gradcam, hirescam, integrated_gradients, occlusion, rise
from core.explain._base import scored
from exports.charts import maps as map_charts

SIDE, N_CLASSES, TARGET, STEPS = 224, 10, 3, 32
N_EMBEDDINGS, N_FEATURES = 10_000, 128


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--weights", default=str(SHARED / "weights" / "mobilenet_v2_imagenet.pth"))
    parser.add_argument("--part", choices=("images", "embedding"))
    asked = parser.parse_args()
    print(f"{torch.get_num_threads()} threads; median of {asked.repeats} (fastest to slowest), in seconds")
    print(f"{'':34} {'ours':>24} {'captum':>24} {'to reach':>10}")
    if asked.part != "embedding":
        images(asked)
    if asked.part != "images":
        embedding()


def images(asked) -> None:
    model, x = mobilenet(asked.weights), picture()
    z, net = _maps.seen(model, x).contiguous(), scored(model.net, TARGET)
    window = occlusion.windows(SIDE, 1, occlusion.Options().window)[:, :, 0].sum(dim=1)[0].item()
    contests = {
        "Grad-CAM and its figure": (lambda: figure(model, x), lambda: captum_gradcam(model, net, z), 0.3),
        "HiResCAM": (lambda: hirescam.explain(model, x, TARGET), None, None),
        f"integrated gradients, {STEPS} steps": (
            lambda: integrated_gradients.explain(model, x, TARGET, integrated_gradients.Options(steps=STEPS)),
            lambda: captum_gradients(net, z),
            2.0,
        ),
        f"occlusion, window of {window}": (
            lambda: occlusion.explain(model, x, TARGET, occlusion.Options(cover="mean")),
            lambda: captum_occlusion(net, z, window),
            None,
        ),
        "RISE, 500 masks": (lambda: rise.explain(model, x, TARGET), None, None),
    }
    for name, (ours, theirs, bar) in contests.items():
        seconds = ([], [])
        for repeat in range(asked.repeats + 1):
            for times, work in zip(seconds, (ours, theirs)):
                if work:
                    start = time.perf_counter()
                    work()
                    times.extend([time.perf_counter() - start] * (repeat > 0))  # the first warms up
        print_row(name, *seconds, bar)


def embedding() -> None:
    """t-SNE of clusters in as many dimensions as an embedding has."""
    from core.explain import embedding as flat

    rng = np.random.default_rng(0)
    features = (
        rng.normal(size=(N_EMBEDDINGS, N_FEATURES))
        + 4 * rng.normal(size=(10, N_FEATURES))[rng.integers(0, 10, N_EMBEDDINGS)]
    )
    start = time.perf_counter()
    flat.place(features.astype(np.float32), flat.Options(way="tsne"))
    print_row(f"t-SNE of {N_EMBEDDINGS:,} embeddings", [time.perf_counter() - start], [], 60.0)


def print_row(name: str, ours: list, theirs: list, bar: float | None) -> None:
    texts = [
        f"{statistics.median(times):.3f} ({min(times):.3f} to {max(times):.3f})" if times else ""
        for times in (ours, theirs)
    ]
    verdict = "" if bar is None else f"{bar:g} " + ("pass" if statistics.median(ours) < bar else "MISS")
    print(f"{name:34} {texts[0]:>24} {texts[1]:>24} {verdict:>10}", flush=True)


def figure(model, x) -> str:
    found = gradcam.explain(model, x, TARGET)
    return map_charts.overlay(x[0].numpy(), found.values[0].numpy()).to_json()


def captum_gradcam(model, net, z):
    """On the last maps before they are pooled, enlarged; without a figure."""
    from captum.attr import LayerAttribution, LayerGradCam

    layer = model.net.get_submodule("backbone.body.features")
    cam = LayerGradCam(net, layer).attribute(z, relu_attributions=True)
    return LayerAttribution.interpolate(cam, z.shape[2:], interpolate_mode="bilinear")


def captum_gradients(net, z):
    from captum.attr import IntegratedGradients

    return IntegratedGradients(net).attribute(z, torch.zeros_like(z), n_steps=STEPS, internal_batch_size=8)


def captum_occlusion(net, z, window: int):
    from captum.attr import Occlusion

    return Occlusion(net).attribute(z, (3, window, window), (3, window // 2, window // 2), perturbations_per_eval=8)


def mobilenet(weights: str):
    """MobileNetV2 with the weights of a file, or random ones, and a new head."""
    torch.manual_seed(0)
    schema = Schema("image", (3, SIDE, SIDE), tuple(f"class {j}" for j in range(N_CLASSES)))
    model = models.Model(schema, NetConfig("pretrained", {"arch": "mobilenet_v2"}, "random")).eval()
    if pathlib.Path(weights).exists():
        stored = torch.load(weights, map_location="cpu", weights_only=True)
        body = {name: value.float() for name, value in stored.items() if not name.startswith("classifier")}
        model.net.backbone.body.load_state_dict(body, strict=False)
    return model


def picture():
    """Smooth noise, uint8 (1, 3, SIDE, SIDE)."""
    coarse = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    return (torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bilinear") * 255).to(torch.uint8)


if __name__ == "__main__":
    main()
