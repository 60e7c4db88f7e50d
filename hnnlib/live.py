"""Put a figure under sliders; introduced in notebook 00."""

import io
from base64 import b64encode
from collections.abc import Callable
from html import escape

import ipywidgets as widgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image


def drawn_on(ax: Axes) -> list[Artist]:
    """Return what a function drew on axes, the lowest first, a legend on top."""
    drawn = [*ax.images, *ax.patches, *ax.collections, *ax.lines, *ax.texts]
    legend = [ax.get_legend()] if ax.get_legend() else []
    return sorted(drawn, key=Artist.get_zorder) + legend


def frame_of(ax: Axes) -> tuple:
    """Return what the rest of the picture depends on: limits, ticks and words."""
    titles = [ax.get_title(place) for place in ("left", "center", "right")]
    ticks = [*ax.get_xticklabels(which="both"), *ax.get_yticklabels(which="both")]
    words = [text.get_text() for text in (ax.xaxis.label, ax.yaxis.label, *ticks)]
    return ax.get_xlim(), ax.get_ylim(), ax.get_aspect(), titles, words


class LiveFigure:
    """Draw two or more axes into an image whenever a slider, an ipywidget, moves.

    ``draw(left, right, **values)`` draws on them, after what it drew before is removed,
    and may return a line of numbers to stand below. Where no kernel runs the picture
    stays; so it does on an error, shown in words. One in the first picture is raised.
    """

    def __init__(self, draw: Callable, alt: str, panels: int = 2, **sliders):
        self.draw, self.alt, self.sliders = draw, alt, sliders
        self.message, self.image = widgets.HTML(), widgets.Image(width=360 * panels)
        self.figure = Figure(figsize=(4.5 * panels, 4), dpi=80, layout="none")
        self.figure.subplots_adjust(0.18 / panels, 0.15, 0.98, 0.91, wspace=0.25)
        self.canvas = FigureCanvasAgg(self.figure)  # its own, without pyplot
        self.figure.subplots(1, panels)
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
        # Ticks and words stay (blitting): 30 ms a picture, 184 if all is drawn anew.
        if frame != self.frame:
            for artist in drawn:
                artist.set_animated(True)  # not drawn now
            self.canvas.draw()
            self.background = self.canvas.copy_from_bbox(self.figure.bbox)
            self.frame = frame
        self.canvas.restore_region(self.background)
        for artist in drawn:
            artist.axes.draw_artist(artist)
        picture = Image.fromarray(np.asarray(self.canvas.buffer_rgba())).convert("RGB")
        picture.save(buffer := io.BytesIO(), "PNG", compress_level=1)
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
