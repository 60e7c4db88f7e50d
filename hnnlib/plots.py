"""Show figures and films, and draw on an ``ax``; introduced in notebook 01."""

import io
from base64 import b64encode
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

LOOK = {  # one colour and line style a model, in every notebook
    "truth": dict(color="black", linestyle="-"),
    "next-step": dict(color="#AE8A00", linestyle=":"),
    "derivative": dict(color="#B55000", linestyle="--"),
    "HNN": dict(color="#0072B2", linestyle="-"),
    "separable HNN": dict(color="#009E73", linestyle="-."),
    "pairwise HNN": dict(color="#CC79A7", linestyle="-.", marker="|", markevery=25),
    "data": dict(color="0.5", linestyle="none", marker=".", markersize=3),
}


def show(figure: Figure, alt: str) -> None:
    """Display a figure with a text for readers who cannot see it, and close it."""
    figure.savefig(buffer := io.BytesIO(), bbox_inches="tight")
    picture = Image.open(buffer).convert("RGB").quantize(dither=Image.Dither.NONE)
    send(picture, alt, optimize=True)  # 256 colours of its own: 0.37 as large
    plt.close(figure)


def send(picture: Image.Image, alt: str, **options) -> None:
    """Display a picture as PNG with its text; options are those of its ``save``."""
    picture.save(buffer := io.BytesIO(), "PNG", **options)
    data = {"image/png": b64encode(buffer.getvalue()).decode()}
    display(data, metadata={"image/png": {"alt": alt}}, raw=True)


def film(figure: Figure, draw: Callable, frames: int, seconds: float, alt: str) -> None:
    """Display an animated PNG whose frame i shows what draw(i) leaves on the figure.

    All frames share ``LOOK``'s colours and tints: 25 took 38 kB, with their own 565.
    """
    colors = np.array([to_rgb(look["color"]) for look in LOOK.values()])  # (7, 3)
    tints = 1 + np.linspace(-1, 0, 12)[:, None, None] * (1 - colors)  # (12, 7, 3)
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(255 * tints).astype(int).flatten().tolist())
    pictures: list[Image.Image] = []
    for i in range(frames):
        draw(i)
        if i == 0:
            figure.canvas.draw()  # the layout of equal axes takes two rounds
        figure.canvas.draw()
        figure.set_layout_engine("none")  # every frame as the first one
        rgb = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
        pictures.append(rgb.quantize(palette=palette, dither=Image.Dither.NONE))
    timing = {"duration": 1000 * seconds / frames, "loop": 0}
    send(pictures[0], alt, save_all=True, append_images=pictures[1:], **timing)
    plt.close(figure)


def phase_axes(ax: Axes, limit: float, title: str = "") -> Axes:
    """Prepare phase-space axes: q across, p up, equal scales, from −limit to limit."""
    ax.set(xlabel="position $q$", ylabel="momentum $p$", title=title, aspect="equal")
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit))
    return ax


def phase_portrait(ax: Axes, z: Tensor, model: str, **line) -> Axes:
    """Draw trajectories (trajectories, time, 2) in a model's look, starts marked."""
    q, p = z.detach().unbind(-1)  # (trajectories, time)
    look = LOOK[model] | line
    ax.plot(q.T, p.T, **look)[0].set_label(model)
    if model != "data":
        ax.plot(q[:, 0], p[:, 0], "o", color=look["color"], zorder=3)
    return ax


def field_arrows(ax: Axes, z: Tensor, dz_dt: Tensor, **quiver) -> Axes:
    """Draw a vector field dz_dt (..., 2) as arrows at z (..., 2)."""
    (q, p), (dq_dt, dp_dt) = z.detach().unbind(-1), dz_dt.detach().unbind(-1)
    ax.quiver(q, p, dq_dt, dp_dt, angles="xy", pivot="mid", **quiver)
    return ax


def energy_lines(ax: Axes, t: Tensor, ratio: Tensor, model: str, **line) -> Axes:
    """Draw E/E₀ (lines, time) against t (time,) in a model's look, the truth at 1."""
    ax.axhline(1.0, **LOOK["truth"], linewidth=1)
    ax.plot(t, ratio.detach().T, **(LOOK[model] | line))[0].set_label(model)
    ax.set(xlabel="time $t$", ylabel="energy $E/E_0$")
    return ax
