"""A claim shows its number and verdict; a check says why, and never raises."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from hnnlib.claims import claim, explain

SANITISE = (Path(__file__).parent / "nbval_sanitize.cfg").read_text(encoding="ascii")


@pytest.mark.parametrize(
    "value, bounds, said",
    [
        (0.01234, {"below": 0.05}, "drift ≈ 0.0123; below 0.05: True"),
        (0.06, {"below": 0.05}, "drift ≈ 0.06; below 0.05: False"),
        (0.05, {"below": 0.05}, "drift ≈ 0.05; below 0.05: False"),
        (3.0, {"above": 2}, "drift ≈ 3; above 2: True"),
        (2.0, {"above": 2}, "drift ≈ 2; above 2: False"),
        (16, {"of": 16, "at_least": 14}, "drift ≈ 16 of 16; at least 14: True"),
        (13, {"of": 16, "at_least": 14}, "drift ≈ 13 of 16; at least 14: False"),
        (2, {"at_most": 2}, "drift ≈ 2; at most 2: True"),
        (-0.2, {"above": -1, "below": 1}, "drift ≈ -0.2; above -1, below 1: True"),
        (-2, {"above": -1, "below": 1}, "drift ≈ -2; above -1, below 1: False"),
        (torch.tensor(1e-9), {"below": 1e-6}, "drift ≈ 1e-09; below 1e-06: True"),
        (float("nan"), {"below": 1}, "drift ≈ nan; below 1: False"),
        (float("nan"), {"at_least": 1}, "drift ≈ nan; at least 1: False"),
        (float("inf"), {"below": 1}, "drift ≈ inf; below 1: False"),
    ],
)
def test_a_claim_is_one_line_with_number_bound_and_verdict(value, bounds, said, capsys):
    claim("drift", value, **bounds)
    assert capsys.readouterr().out == said + "\n"


def test_a_bound_that_is_none_is_refused():
    with pytest.raises(ValueError, match="beneath': 2}; expected one or more of"):
        claim("drift", 1.0, beneath=2)
    with pytest.raises(ValueError, match="bounds are {}"):
        claim("drift", 1.0)


@pytest.mark.parametrize("number", ["0.0123", "-3.1e-09", "16", "nan", "inf", "-inf"])
def test_comparison_leaves_out_the_number_and_nothing_else(number):
    rules = re.findall(r"^regex: (.*)\nreplace: (.*)$", SANITISE, re.M)
    line = f"drift ≈ {number}; below 0.05: True"
    for regex, replacement in rules:
        line = re.sub(regex, replacement, line)
    assert line == "drift N; below 0.05: True"


@explain
def check_double(answer):
    if float(answer) != 2:
        return f"twice one is 2, yours is {answer:g}"


@pytest.mark.parametrize("answer", [2, 2.0, torch.tensor(2), np.float64(2)])
def test_a_right_answer_is_right_in_every_form(answer, capsys):
    check_double(answer)
    assert capsys.readouterr().out == "right\n"


@pytest.mark.parametrize(
    "answer", [3, None, "two", [2], (1, 2), ..., torch.ones(3), lambda: 2, float("nan")]
)
def test_a_wrong_answer_gets_a_reason_and_never_a_traceback(answer, capsys):
    check_double(answer)
    assert capsys.readouterr().out.startswith("not yet: ")
