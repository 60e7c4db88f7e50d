"""Notebook 14 says in words what is wrong with a reader's file, and finds gaps."""

import math

import pytest
import torch
from notebook_cells import defined

FRAMES = [(k / 30, 0.8 * math.cos(4.8 * k / 30)) for k in range(300)]


@pytest.fixture(scope="module")
def own():
    """The names of the cells on one's own record, in double precision as there."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield defined("14", "record")
    torch.set_default_dtype(before)


def save(path, rows, separator=" ", head="# t, angle\n"):
    text = "\n".join(separator.join(f"{x:.6f}" for x in row) for row in rows)
    path.write_text(head + text + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", [" ", ",", ", ", "\t"])
@pytest.mark.parametrize("head", ["# t, angle\n", "", "\ufeff", "% t q\n\n"])
def test_a_record_is_read_whatever_separates_its_columns(
    own, tmp_path, separator, head
):
    t, q = own["read_record"](save(tmp_path / "ok.txt", FRAMES, separator, head))
    assert len(t) == 300 and q[0].item() == pytest.approx(0.8)


def test_a_third_column_is_the_angular_velocity(own, tmp_path):
    rows = [(t, q, -4.8 * 0.8 * math.sin(4.8 * t)) for t, q in FRAMES]
    assert len(own["read_record"](save(tmp_path / "ok.txt", rows))) == 3


def changed(change):
    rows = [list(row) for row in FRAMES]
    found = change(rows)
    return rows if found is None else found


def swap(rows):
    rows[7], rows[8] = rows[8], rows[7]


def lose(rows):
    rows[41][1] = float("nan")


@pytest.mark.parametrize(
    "change, said",
    [
        (swap, "time goes from 0.266667 to 0.233333 after row 8"),
        (lose, "row 42"),
        (lambda rows: rows[:40], "40 rows of 2 columns"),
        (lambda rows: [], "no rows"),
        (lambda rows: [[t, q, 0.0, 1.0] for t, q in rows], "300 rows of 4 columns"),
        (lambda rows: [[t] for t, _ in rows], "300 rows of 1 columns"),
        (lambda rows: [[1000 * t, q] for t, q in rows], "milliseconds?"),
        (lambda rows: [[t, math.degrees(q)] for t, q in rows], "degrees?"),
        (lambda rows: [[t, q / 9 + t / 9] for t, q in rows], "fewer than four"),
        (lambda rows: [[5 * t, math.cos(24 * t)] for t, q in rows], "rows a swing"),
        (lambda rows: [[t, q, 57 * q] for t, q in rows], "times the slope of q"),
        (lambda rows: [*rows, [11.0]], "columns of numbers"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_words(own, tmp_path, change, said):
    path = save(tmp_path / "mine.txt", changed(change))
    with pytest.raises(ValueError, match="mine.txt") as error:
        own["read_record"](path)
    assert said in str(error.value)


def test_a_file_of_words_is_refused(own, tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("time angle\n0.0 0.8\n", encoding="utf-8")
    with pytest.raises(ValueError, match="columns of numbers are wanted"):
        own["read_record"](path)


def test_frames_missing_in_a_gap_are_put_in_and_marked(own):
    t, q = torch.tensor(FRAMES).T
    kept = (t < 3.01) | (t > 3.49)
    t_all, _, seen = own["fill"](t[kept], q[kept], 1 / 30)
    assert len(t_all) == 300 and torch.allclose(t_all, t, atol=1e-9)
    assert torch.equal(seen, kept)


def test_noise_is_found_at_uneven_times_as_well(own):
    generator = torch.Generator().manual_seed(0)
    for jitter in (0.0, 0.006):  # seconds, on frames 0.033 apart
        t = torch.arange(600.0) / 30
        t = t + jitter * (2 * torch.rand(600, generator=generator) - 1)
        q = 0.8 * (4.8 * t).cos() + 0.005 * torch.randn(600, generator=generator)
        assert own["look"](t, q)[1] == pytest.approx(0.005, rel=0.1)


def test_friction_leaves_the_clock_of_the_steps_alone(own):
    c, t = 0.1, 0.2 * torch.arange(101.0)
    theta = torch.tensor([[0, -1.0, 0, 0, 0, 0, c, 1.0, 0.0]])
    path = own["move"](theta, t.diff()[None])[0, 0, :, 0]
    omega = math.sqrt(1 - c**2 / 4)
    turned = (omega * t).cos() + c / (2 * omega) * (omega * t).sin()
    assert torch.allclose(path, (-c * t / 2).exp() * turned, atol=1.5e-3)
