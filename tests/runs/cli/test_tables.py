"""Tables: no negative zero, the source's digits met or not, summaries for many, and every outcome has a meaning."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from gridparley import load_scenario, run_scenario
from gridparley.runs.cli.tables.tables import number, print_result, same_digits


def printed(result, width=80):
    text = io.StringIO()
    print_result(result, Console(file=text, width=width, highlight=False))
    return text.getvalue()


def shown(name, *settings, width=80, faults=(), **options):
    return printed(run_scenario(load_scenario(name, settings, faults=faults), **options), width)


def test_note_000_stands_beside_ours_and_every_digit_is_met():
    text = shown("three-microgrids")
    assert "16 of 16 figures of note 000 are met to every printed digit" in text
    assert text.count("✓") == 16
    assert "✗" not in text
    assert re.search(r"price λ, \$/kWh +A +3\.0980 +3\.0980", text)
    assert re.search(r"transfer price μ, \$/kWh +B-C +-2\.0000 +-2\.0000", text)


def test_another_market_does_not_meet_them():
    text = shown("three-microgrids", "A.operator.pv=0")
    assert "✗" in text
    assert "11 of 16 figures" in text


def test_no_negative_zero_anywhere():
    assert not re.search(r"-0\.0+(?![\d.e])", shown("three-microgrids"))


def test_the_headline_tells_outcome_meaning_messages_and_certificate():
    text = " ".join(shown("three-microgrids", faults=["loss=0.3,from=4,to=30"]).split())
    assert "CONVERGED - all coordinators stopped, at a feasible point" in text
    assert re.search(r"\d+ sent, \d+ delivered, \d+ lost", text)
    assert "the optimum is between -16.1544 and -16.1544 $/h" in text
    assert "faults: loss 0.3 from tick 4 to 30" in text
    assert "worst" not in text


@pytest.mark.slow
def test_what_has_not_settled_names_the_worst():
    text = " ".join(shown("three-microgrids", "alpha=0.5", "run.ticks=400").split())
    assert re.search(r"outcome (OSCILLATING|TICK_LIMIT) - ", text)
    assert re.search(r"largest imbalance at microgrid [ABC] and tie-line [ABC]-[ABC]", text)


def test_a_run_that_ended_before_the_first_answer_has_no_solution():
    text = shown("three-microgrids", ticks=1)
    assert "none: no point was found that all agents can keep" in text
    assert "price λ, $/kWh  demand" not in text
    assert "0 of 16" in text


def test_many_microgrids_are_summed_up():
    text = shown("microgrids", "microgrids=13", "prosumers=2", ticks=60)
    assert "13 microgrids" in text
    assert re.search(r"\d+ tie-lines +min +at +mean +max +at", text)
    assert len(text.splitlines()) < 40


def test_few_microgrids_stand_by_name():
    assert re.search(r"^m11 ", shown("microgrids", "microgrids=12", "prosumers=2", ticks=60), flags=re.MULTILINE)


@pytest.mark.parametrize("microgrids", [3, 14])
def test_several_periods_are_averaged(microgrids):
    text = shown("microgrids", f"microgrids={microgrids}", "prosumers=2", "periods=4", ticks=60)
    assert "mean of 4 periods" in text
    assert ("(first period)" in text) == (microgrids == 3)


def test_tables_fit_a_narrow_terminal():
    assert max(map(len, shown("three-microgrids").splitlines())) <= 80


@pytest.mark.parametrize(("ticks", "outcome"), [(400, "CONVERGED"), (60, "TICK_LIMIT")])
def test_an_outcome_is_printed_with_its_reason(ticks, outcome):
    result = run_scenario(load_scenario("three-microgrids"), ticks=ticks, reference=False)
    assert result.reason
    assert f"{outcome} - {result.reason}" in " ".join(printed(result).split())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1e-9, "0.0000"),
        (-0.00005, "-0.0001"),
        (0.0, "0.0000"),
        (None, "-"),
        (float("nan"), "-"),
        (float("-inf"), "-inf"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("ours", "source", "same"),
    [
        (3.09796, 3.098, True),
        (3.09794, 3.098, False),
        (-1e-9, 0.0, True),
        (1.0, -1.0, False),
        (0.123456, 0.12346, True),
    ],
)
def test_equal_to_every_printed_digit(ours, source, same):
    assert same_digits(ours, source) == same


def test_a_transfer_is_printed_with_its_direction_and_the_sign_of_its_price():
    text = " ".join(shown("three-microgrids", ticks=20).split())
    assert "T of A-B: positive from A to B; μ: the price of an export (the sign of note 000), at either end" in text
    text = " ".join(shown("microgrids", "microgrids=2", "prosumers=2", ticks=20).split())
    assert "T of m0-m1: positive from m0 to m1; μ: the price of an import, at either end" in text


@pytest.mark.slow
def test_each_cost_is_beside_the_optimum_of_its_own_market():
    text = " ".join(shown("three-microgrids", "alpha=2").split())
    assert re.search(r"without regularising terms; central optimum without them -16\.3544, gap 6\.5e-02", text)
    assert re.search(r"with regularising terms; central optimum with them -\d\d\.\d{4}, gap -?\d\.\de-\d\d", text)


def test_a_result_shows_itself_in_a_line():
    result = run_scenario(load_scenario("three-microgrids"))
    assert repr(result).startswith(
        "<Result of three-microgrids, dual_decomposition: CONVERGED after 133 ticks, total cost "
    )
    assert len(repr(result)) < 130
