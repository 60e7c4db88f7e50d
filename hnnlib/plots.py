"""Figures of the series: show, film, sliders; then what draws on an ``ax``; 01."""

import io
from base64 import b64encode
from collections.abc import Callable
from html import escape

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from hnnlib.mechanics import split

LOOK = {  # one colour and line style a model, in every notebook
    "truth": dict(color="black", linestyle="-"),
    "next-step": dict(color="#E69F00", linestyle=":"),
    "derivative": dict(color="#D55E00", linestyle="--"),
    "HNN": dict(color="#0072B2", linestyle="-"),
    "separable HNN": dict(color="#009E73", linestyle="-."),
    "pairwise HNN": dict(color="#CC79A7", linestyle="-.", marker="|", markevery=25),
    "data": dict(color="0.6", linestyle="none", marker=".", markersize=3),
}


def show(figure: Figure, alt: str) -> None:
    """Display a figure with a text for readers who cannot see it, and close it."""
    display(figure, metadata={"image/png": {"alt": alt}})
    plt.close(figure)


def film(figure: Figure, draw: Callable, frames: int, seconds: float, alt: str) -> None:
    """Display an animated PNG whose frame i shows what draw(i) leaves on the figure.

    Each frame has the colours of ``LOOK`` and their tints alone, for a small file.
    """
    colors = np.array([to_rgb(look["color"]) for look in LOOK.values()])  # (7, 3)
    tints = 1 + np.linspace(-1, 0, 12)[:, None, None] * (1 - colors)  # (12, 7, 3)
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(255 * tints).astype(int).flatten().tolist())
    pictures: list[Image.Image] = []
    for i in range(frames):
        draw(i)
        figure.canvas.draw()
        figure.set_layout_engine("none")  # every frame as the first one
        rgb = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
        pictures.append(rgb.quantize(palette=palette, dither=Image.Dither.NONE))
    buffer, timing = io.BytesIO(), {"duration": 1000 * seconds / frames, "loop": 0}
    pictures[0].save(buffer, "PNG", save_all=True, append_images=pictures[1:], **timing)
    data = {"image/png": b64encode(buffer.getvalue()).decode()}
    display(data, metadata={"image/png": {"alt": alt}}, raw=True)
    plt.close(figure)


def drawn_on(ax: Axes) -> list[Artist]:
    """Return what a function drew on axes, the lowest first."""
    drawn = [*ax.images, *ax.patches, *ax.collections, *ax.lines, *ax.texts]
    return sorted(drawn, key=Artist.get_zorder)


def frame_of(ax: Axes) -> tuple:
    """Return what the rest of the picture, ticks and words, depends on."""
    words = [ax.title, ax.xaxis.label, ax.yaxis.label]
    words += ax.get_legend().texts if ax.get_legend() else []
    return ax.get_xlim(), ax.get_ylim(), [word.get_text() for word in words]


class LiveFigure:
    """Two axes, drawn into an image whenever a slider moves.

    ``draw(left, right, **values)`` draws on them, after what it drew before is removed,
    and may return a line of numbers to stand below. Where no kernel runs the picture
    stays; so it does on an error, shown in words. One in the first picture is raised.
    """

    def __init__(self, draw: Callable, alt: str, **sliders: widgets.Widget):
        self.draw, self.alt, self.sliders = draw, alt, sliders
        self.image, self.message = widgets.Image(width="720"), widgets.HTML()
        self.figure = Figure(figsize=(9, 4), dpi=80, layout="none")
        self.figure.subplots_adjust(0.09, 0.15, 0.98, 0.91, wspace=0.25)
        self.canvas = FigureCanvasAgg(self.figure)  # its own, without pyplot
        self.figure.subplots(1, 2)
        for slider in sliders.values():
            slider.observe(self.update, names="value")
        self.frame: list | None = None  # of the picture without what is drawn
        self.redraw()
        self.view = widgets.HBox([*sliders.values(), self.image, self.message])
        self.view.layout.flex_flow = "row wrap"

    def redraw(self) -> None:
        """Draw with the sliders' present values."""
        for ax in self.figure.axes:
            for artist in drawn_on(ax):
                artist.remove()
            ax.set_prop_cycle(None)
            ax.relim()
            ax.autoscale()
        values = {name: slider.value for name, slider in self.sliders.items()}
        numbers = self.draw(*self.figure.axes, **values)
        drawn = [artist for ax in self.figure.axes for artist in drawn_on(ax)]
        frame = [frame_of(ax) for ax in self.figure.axes]
        if frame != self.frame:  # ticks and words take most of the time
            for artist in drawn:
                artist.set_animated(True)  # not drawn now
            self.canvas.draw()
            self.background = self.canvas.copy_from_bbox(self.figure.bbox)
            self.frame = frame
        self.canvas.restore_region(self.background)
        for artist in drawn:
            artist.axes.draw_artist(artist)
        buffer = io.BytesIO()
        pixels = np.asarray(self.canvas.buffer_rgba())
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
        self.message.value = escape(numbers or "")
        self.image.value = buffer.getvalue()

    def update(self, _change: dict | None = None) -> None:
        """Answer to a slider: redraw, or say in words why not."""
        try:
            self.redraw()
        except Exception as error:  # a widget swallows tracebacks
            self.message.value = f"<b>{type(error).__name__}</b>: {escape(str(error))}"

    def _repr_mimebundle_(self, **_kwargs) -> tuple[dict, dict]:
        """Offer the live widget, and the present picture where none can run."""
        bundle = self.view._repr_mimebundle_()
        bundle["image/png"] = b64encode(self.image.value).decode()
        bundle["text/plain"] = f"Interactive figure of {', '.join(self.sliders)}"
        return bundle, {"image/png": {"alt": self.alt}}


def phase_axes(ax: Axes, limit: float, title: str = "") -> Axes:
    """Prepare phase-space axes: q across, p up, equal scales, from −limit to limit."""
    ax.set(xlabel="position $q$", ylabel="momentum $p$", title=title, aspect="equal")
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit))
    return ax


def phase_portrait(ax: Axes, z: Tensor, model: str, **line) -> Axes:
    """Draw trajectories (trajectories, time, 2) in a model's look, starts marked."""
    q, p = (x.squeeze(-1) for x in split(z.detach()))  # (trajectories, time)
    look = LOOK[model] | line
    ax.plot(q.T, p.T, **look)[0].set_label(model)
    if model != "data":
        ax.plot(q[:, 0], p[:, 0], "o", color=look["color"], zorder=3)
    return ax


def field_arrows(ax: Axes, z: Tensor, dz_dt: Tensor, **quiver) -> Axes:
    """Draw a vector field dz_dt (..., 2) as arrows at z (..., 2)."""
    q, p = z.reshape(-1, 2).T
    dq_dt, dp_dt = dz_dt.detach().reshape(-1, 2).T
    ax.quiver(q, p, dq_dt, dp_dt, angles="xy", pivot="mid", **quiver)
    return ax


def energy_lines(ax: Axes, t: Tensor, ratio: Tensor, model: str, **line) -> Axes:
    """Draw E/E₀ (lines, time) against t (time,) in a model's look, the truth at 1."""
    ax.axhline(1.0, **LOOK["truth"], linewidth=1)
    ax.plot(t, ratio.detach().T, **(LOOK[model] | line))
    ax.lines[-1].set_label(model)
    ax.set(xlabel="time $t$", ylabel="energy $E/E_0$")
    return ax
