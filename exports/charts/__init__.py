"""Numbers -> Plotly figures, for the pages and the report alike. Backgrounds are clear, so they suit light and dark."""

import numpy as np
import plotly.graph_objects as go

from core import words

# Ten colours that people with a colour vision deficiency tell apart: Paul Tol's "vibrant" and "light" schemes.
PALETTE = (
    "#0077BB", "#EE7733", "#009988", "#CC3311", "#33BBEE", "#EE3377", "#AAAA00", "#AA4499", "#997700", "#888888",
)  # fmt: skip
GREY = "#8a8f98"
DIVERGING = ((0, "#0077BB"), (0.5, "#f4f4f4"), (1, "#EE7733"))  # against, neutral, for
MAX_CURVES = 10  # classes drawn at once
MAX_POINTS = 2000  # points drawn per line
SQUARE = 365  # pixels of height of a square figure: two of them side by side are in sight at once


def class_color(index: int) -> str:
    """The colour of a class, the same in every figure."""
    return PALETTE[index] if index < len(PALETTE) else GREY


def learning_curve(rows: list[dict], figure: str, best_epoch: int | None, n_epochs: int | None = None) -> go.Figure:
    """Loss or accuracy (`figure`: "loss" or "accuracy") by epoch: training thin, validation thick, best marked."""
    fig = base("Epoch", {"loss": "Cross-entropy loss", "accuracy": "Accuracy"}[figure])
    best = next((row for row in rows if row["epoch"] == best_epoch), None)
    rows = [rows[i] for i in thinned(len(rows))]
    epochs = [row["epoch"] for row in rows]
    form = ":.4f" if figure == "loss" else ":.1%"
    for part, name, width, color in (("train", "Training", 1.5, PALETTE[4]), ("val", "Validation", 3, PALETTE[0])):
        fig.add_scatter(
            x=epochs,
            y=[row[f"{part}_{figure}"] for row in rows],
            name=name,
            mode="lines+markers" if len(rows) == 1 else "lines",
            line={"width": width, "color": color},
            hovertemplate=f"{name}: %{{y{form}}}<extra></extra>",
        )
    if best:
        fig.add_scatter(
            x=[best_epoch],
            y=[best[f"val_{figure}"]],
            name="Best epoch",
            mode="markers",
            marker={"size": 11, "symbol": "diamond", "color": PALETTE[1]},
            hovertemplate=f"Best epoch, {best_epoch}<extra></extra>",
        )
    if figure == "accuracy":
        fig.update_yaxes(tickformat=".0%")
    if n_epochs:
        fig.update_xaxes(range=[0.5, n_epochs + 0.5])
    fig.update_xaxes(dtick=1 if (n_epochs or len(rows)) <= 12 else None)
    return fig.update_layout(hovermode="x unified", uirevision=figure)


def step_curve(steps: list[dict]) -> go.Figure:
    """Training loss by step, as it was and smoothed, over epochs; the learning rate below it."""
    x = np.array([row["epoch"] for row in steps])
    loss = np.array([row["loss"] for row in steps], float)
    smooth, keep = smoothed(loss), thinned(len(x))
    fig = base("Epoch", "Loss")
    fig.add_scatter(
        x=x[keep],
        y=loss[keep],
        name="Each step",
        line={"width": 1, "color": PALETTE[4]},
        opacity=0.55,
        hoverinfo="skip",
    )
    fig.add_scatter(
        x=x[keep],
        y=smooth[keep],
        name="Smoothed",
        line={"width": 2.5, "color": PALETTE[0]},
        hovertemplate="Loss, smoothed: %{y:.4f}<extra></extra>",
    )
    _below(fig, x[keep], np.array([row.get("lr", np.nan) for row in steps], float)[keep], "Learning rate", ".2g")
    return fig.update_layout(uirevision="steps")


def effort(rows: list[dict], steps: list[dict]) -> go.Figure:
    """Length of the gradient by step, on a logarithmic axis; samples per second by epoch below it."""
    looked = [row for row in steps if row.get("grad_norm") and np.isfinite(row["grad_norm"])]
    keep = thinned(len(looked))
    x = np.array([row["epoch"] for row in looked])
    norms = np.array([row["grad_norm"] for row in looked], float)
    fig = base("Epoch", "Gradient norm")
    fig.add_scatter(
        x=x[keep],
        y=norms[keep],
        name="Gradient norm",
        line={"width": 1.5, "color": PALETTE[2]},
        hovertemplate="Gradient norm: %{y:.3g}<extra></extra>",
    )
    fig.update_yaxes(type="log", **_log_ticks(norms[keep]))
    some = [rows[i] for i in thinned(len(rows))]
    speed = np.array([row["samples_per_second"] for row in some])
    _below(fig, np.array([row["epoch"] for row in some]), speed, "Samples/s", ",.0f")
    return fig.update_layout(showlegend=False, uirevision="effort")


def learning_rates(found: dict) -> go.Figure:
    """Loss by learning rate, of a search (`core.training.lr_finder`), as it was and smoothed, the suggestion marked."""
    lr, loss = np.array(found["lr"]), np.array(found["loss"])
    fig = base("Learning rate", "Loss, smoothed")
    fig.add_scatter(
        x=lr,
        y=loss,
        line={"width": 2.5, "color": PALETTE[0]},
        showlegend=False,
        hovertemplate="loss %{y:.3f} at %{x:.2g}<extra></extra>",
    )
    if found.get("suggested"):
        fig.add_scatter(
            x=[found["suggested"]],
            y=[float(np.interp(np.log(found["suggested"]), np.log(lr), loss))],
            name=f"Suggested: {found['suggested']:.2g}",
            mode="markers",
            marker={"size": 12, "symbol": "diamond", "color": PALETTE[1]},
            hovertemplate="Suggested: %{x:.2g}<extra></extra>",
        )
    fig.update_xaxes(type="log", dtick=1, exponentformat="power")
    return fig.update_layout(height=280)


def smoothed(values: np.ndarray, share: float = 0.02) -> np.ndarray:
    """Values (n,) averaged over those before, with a weight that falls over `share` of all; no shift at the start."""
    keep = np.exp(-1 / max(2.0, share * len(values)))
    out, total, weight = np.empty(len(values)), 0.0, 0.0
    for i, value in enumerate(values):
        if np.isfinite(value):
            total, weight = keep * total + value, keep * weight + 1
        out[i] = total / weight if weight else value
    return out


def thinned(n: int) -> np.ndarray:
    """At most MAX_POINTS of the positions 0 to n - 1, evenly, the ends among them."""
    return np.unique(np.linspace(0, n - 1, min(n, MAX_POINTS)).round().astype(int))


def _log_ticks(values: np.ndarray) -> dict:
    """Ticks written out for a logarithmic axis: 1, 2 and 5 of each decade, or of many decades the decades alone."""
    values = values[values > 0]
    if not len(values):
        return {}
    low, high = np.floor(np.log10(values.min())), np.ceil(np.log10(values.max()))
    steps = (1, 2, 5) if high - low <= 2 else (1,)
    ticks = [step * 10.0**power for power in np.arange(low, high + 1) for step in steps]
    return {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


def _below(fig, x, y, title: str, form: str) -> None:
    """A second, small figure under the first, with the same x axis."""
    fig.add_scatter(
        x=x,
        y=y,
        yaxis="y2",
        name=title,
        showlegend=False,
        mode="lines+markers" if len(x) == 1 else "lines",
        line={"width": 1.5, "color": GREY},
        hovertemplate=f"{title}: %{{y:{form}}}<extra></extra>",
    )
    fig.update_layout(
        hovermode="x unified",
        yaxis_domain=[0.36, 1],
        yaxis2={
            "domain": [0, 0.24],
            "title": title,
            "automargin": True,
            "gridcolor": "rgba(138,143,152,0.25)",
            "zeroline": False,
            "rangemode": "tozero",
            "nticks": 4,
            "exponentformat": "power" if form.endswith("g") else "none",
        },
        xaxis_anchor="y2",
    )


def class_balance(counts: dict[str, list[int]], classes: list[str]) -> go.Figure:
    """Samples of each class, stacked by part of the split; counts is {"train": [...], "val": [...], "test": [...]}."""
    fig = base("", "Samples")
    for (part, name), color in zip(
        {"train": "Training", "val": "Validation", "test": "Test"}.items(), (PALETTE[0], PALETTE[4], PALETTE[1])
    ):
        fig.add_bar(
            x=labels(classes),
            y=counts[part],
            name=name,
            marker_color=color,
            hovertemplate=f"%{{x}}: %{{y:,}} in {name.lower()}<extra></extra>",
        )
    fig.update_xaxes(type="category")
    return fig.update_layout(barmode="stack")


def picture(image: np.ndarray) -> go.Figure:
    """An image, uint8 (c, h, w), each pixel sharp."""
    fig = _bare(image)
    _add_image(fig, image)
    return fig


def probabilities(values: list[float], classes: list[str]) -> go.Figure:
    """Horizontal bars of the class probabilities, at most ten, the largest on top."""
    order = np.argsort(values)[-MAX_CURVES:]
    fig = base("Probability", "")
    fig.add_bar(
        x=[values[j] for j in order],
        y=np.array(labels(classes))[order],
        orientation="h",
        marker_color=[class_color(int(j)) for j in order],
        text=[f"{values[j]:.1%}" for j in order],
        textposition="auto",
        hovertemplate="%{y}: %{x:.2%}<extra></extra>",
    )
    fig.update_xaxes(range=[0, 1], tickformat=".0%")
    fig.update_yaxes(type="category", automargin=True)
    return fig.update_layout(height=90 + 26 * len(order))


def shorten(name: str, length: int = 18) -> str:
    """A name that fits beside an axis, as plain text: Plotly would read tags in it."""
    return words.cut(name, length).replace("&", "&amp;").replace("<", "&lt;")


def labels(names: list[str], length: int = 18) -> list[str]:
    """The names shortened, each still another: an axis would lay equal ones over one another."""
    return [shorten(name, len(name)) for name in words.distinct([words.cut(name, length) for name in names])]


def base(x_title: str, y_title: str) -> go.Figure:
    """An empty figure in our form, for others to add to."""
    axis = {"automargin": True, "gridcolor": "rgba(138,143,152,0.25)", "zeroline": False}
    layout = {  # at once: an update afterwards takes Plotly ten times as long
        "colorway": PALETTE,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "height": 340,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {
            "orientation": "h",
            "traceorder": "normal",
            "yanchor": "bottom",
            "y": 1.0,
            "xanchor": "left",
            "x": 0,
        },
        "template": "none",
        "dragmode": False,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": PALETTE[0]},
        "xaxis": {"title": {"text": x_title}, **axis},
        "yaxis": {"title": {"text": y_title}, **axis},
    }
    return go.Figure(layout=layout)


def _bare(image: np.ndarray) -> go.Figure:
    fig = base("", "")
    fig.update_xaxes(visible=False, range=[-0.5, image.shape[2] - 0.5], constrain="domain")
    fig.update_yaxes(visible=False, range=[image.shape[1] - 0.5, -0.5], scaleanchor="x", constrain="domain")
    return fig.update_layout(height=320)


def _add_image(fig: go.Figure, image: np.ndarray) -> None:
    """Grey or colour, each pixel a square of its own."""
    if image.shape[0] == 1:
        fig.add_heatmap(z=image[0], zmin=0, zmax=255, colorscale="Greys_r", showscale=False, hoverinfo="skip")
    else:
        fig.add_image(z=np.moveaxis(image[:3], 0, -1), hoverinfo="skip")
