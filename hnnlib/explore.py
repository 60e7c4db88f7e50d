"""Figures that answer to sliders; introduced in notebook 01."""

import io
from base64 import b64encode
from collections.abc import Callable
from html import escape

import ipywidgets as widgets
from matplotlib.figure import Figure


class LiveFigure:
    """One matplotlib figure, redrawn into an image whenever a slider moves.

    ``draw(figure, **values)`` fills an empty figure of 9 by 4 inches; ``alt`` tells
    what it shows to readers who cannot see it. The saved notebook shows the present
    picture where no kernel runs. An error in draw is shown; the last picture stays.
    """

    def __init__(self, draw: Callable[..., None], alt: str, **sliders: widgets.Widget):
        self.draw, self.alt, self.sliders = draw, alt, sliders
        self.figure = Figure(figsize=(9, 4), dpi=80, layout="constrained")
        self.image = widgets.Image(format="png", width="720")
        self.message = widgets.HTML()
        for slider in sliders.values():
            slider.observe(self.update, names="value")
        self.update()
        self.view = widgets.VBox([*sliders.values(), self.image, self.message])

    def update(self, _change: dict | None = None) -> None:
        """Redraw with the sliders' present values."""
        try:
            self.figure.clear()
            self.draw(self.figure, **{k: s.value for k, s in self.sliders.items()})
            buffer = io.BytesIO()
            self.figure.savefig(buffer, format="png")
        except Exception as error:  # a widget swallows tracebacks: say it in words
            self.message.value = f"<b>{type(error).__name__}</b>: {escape(str(error))}"
        else:
            self.message.value = ""
            self.image.value = buffer.getvalue()

    def _repr_mimebundle_(self, **_kwargs) -> tuple[dict, dict]:
        """Offer the live widget, and the present picture where none can run."""
        bundle = self.view._repr_mimebundle_()
        bundle["image/png"] = b64encode(self.image.value).decode()
        bundle["text/plain"] = f"Interactive figure of {', '.join(self.sliders)}"
        return bundle, {"image/png": {"alt": self.alt}}
