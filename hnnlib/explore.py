"""Figures that answer to sliders; introduced in notebook 01."""

import io
from base64 import b64encode
from collections.abc import Callable
from html import escape

import ipywidgets as widgets
from matplotlib import rc_context
from matplotlib.figure import Figure


class LiveFigure:
    """A matplotlib figure, drawn into an image whenever a slider moves.

    ``draw(figure, **values)`` fills an empty figure of 9 by 4 inches and may return a
    line of numbers to stand below it; ``alt`` tells what it shows to who cannot see it.
    Where no kernel runs the picture stays; so it does on an error, shown in words.
    """

    def __init__(self, draw: Callable, alt: str, **sliders: widgets.Widget):
        self.draw, self.alt, self.sliders = draw, alt, sliders
        self.image, self.message = widgets.Image(width="720"), widgets.HTML()
        for slider in sliders.values():
            slider.observe(self.update, names="value")
        self.update()
        self.view = widgets.VBox([*sliders.values(), self.image, self.message])

    def update(self, _change: dict | None = None) -> None:
        """Redraw with the sliders' present values."""
        try:
            values = {name: slider.value for name, slider in self.sliders.items()}
            buffer = io.BytesIO()
            with rc_context({"figure.constrained_layout.use": False}):  # it is slow
                figure = Figure(figsize=(9, 4), dpi=80)
                figure.subplots_adjust(0.09, 0.15, 0.98, 0.91, wspace=0.25)
                numbers = self.draw(figure, **values)
                figure.savefig(buffer, format="png")
        except Exception as error:  # a widget swallows tracebacks: say it in words
            self.message.value = f"<b>{type(error).__name__}</b>: {escape(str(error))}"
        else:
            self.message.value = escape(numbers or "")
            self.image.value = buffer.getvalue()

    def _repr_mimebundle_(self, **_kwargs) -> tuple[dict, dict]:
        """Offer the live widget, and the present picture where none can run."""
        bundle = self.view._repr_mimebundle_()
        bundle["image/png"] = b64encode(self.image.value).decode()
        bundle["text/plain"] = f"Interactive figure of {', '.join(self.sliders)}"
        return bundle, {"image/png": {"alt": self.alt}}
