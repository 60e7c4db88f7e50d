"""The live figure follows its sliders and survives what goes wrong in between."""

import html
import io
from base64 import b64decode

import ipywidgets as widgets
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.image import imread

from hnnlib.explore import LiveFigure

VIEW = "application/vnd.jupyter.widget-view+json"


def draw(figure, slope, shift):
    if slope > 4:
        raise ValueError("slope is <5>; expected < 5 & finite")
    figure.subplots().plot([0, 1], [shift, shift + slope])


@pytest.fixture
def live():
    return LiveFigure(
        draw,
        "A line.",
        slope=widgets.FloatSlider(1.0, min=0, max=5),
        shift=widgets.FloatSlider(0.0, min=-1, max=1),
    )


def test_picture_is_drawn_at_once_in_its_size(live):
    assert imread(io.BytesIO(live.image.value)).shape[:2] == (320, 720)
    assert live.image.width == "720"
    assert live.message.value == ""


def test_draw_gets_the_values_of_the_sliders_by_name():
    seen = []
    LiveFigure(lambda _, **values: seen.append(values), "", a=widgets.FloatSlider(2.0))
    assert seen == [{"a": 2.0}]


@pytest.mark.parametrize("name", ["slope", "shift"])
def test_each_slider_redraws_the_picture_and_back(live, name):
    before, slider = live.image.value, live.sliders[name]
    slider.value += 0.5
    assert live.image.value != before
    slider.value -= 0.5
    assert live.image.value == before


def test_error_is_shown_in_words_and_leaves_the_last_picture(live):
    before = live.image.value
    live.sliders["slope"].value = 5.0
    assert "ValueError" in live.message.value
    assert live.image.value == before
    live.sliders["slope"].value = 2.0
    assert live.message.value == ""
    assert live.image.value != before


def test_error_message_reaches_the_reader_unmangled_by_html(live):
    live.sliders["slope"].value = 5.0
    assert html.escape("slope is <5>; expected < 5 & finite") in live.message.value


def test_view_holds_sliders_picture_and_message(live):
    parts = [*live.sliders.values(), live.image, live.message]
    assert list(live.view.children) == parts


def test_saved_notebook_gets_the_widget_and_the_present_picture(live):
    live.sliders["slope"].value = 2.0
    data, metadata = DisplayFormatter().format(live)
    assert data[VIEW]["model_id"] == live.view.model_id
    assert b64decode(data["image/png"]) == live.image.value
    assert b64decode(data["image/png"]).startswith(b"\x89PNG\r\n\x1a\n")
    assert metadata["image/png"] == {"alt": "A line."}


def test_text_that_nbval_compares_does_not_change_with_the_sliders(live):
    before = DisplayFormatter().format(live)[0]["text/plain"]
    live.sliders["slope"].value = 2.0
    assert DisplayFormatter().format(live)[0]["text/plain"] == before
    assert before == "Interactive figure of slope, shift"
