"""Units in headers: of the dimension of the fact that the column serves, or refused."""

from __future__ import annotations

import pytest

from gridparley import load_scenario
from gridparley.runs.common.errors import ScenarioError

DAY = """
profiles = "day.csv"
periods = 2
clock.hours = 1.0
[[microgrid]]
name = "A"
operator = { cost_quadratic = 1.0, cost_linear = 1.0, power_max = 40.0, pv = "sun" }
prosumer = [{ type = "SquareRootLoad", beta = 1.0, cap = 1.0 }]
"""


def market(folder, unit, text=DAY):
    (folder / "day.csv").write_text(f"start,sun [{unit}]\n2023-06-21T06:00,2\n2023-06-21T07:00,3\n")
    (folder / "day.toml").write_text(text)
    return load_scenario(folder / "day.toml").market()


@pytest.mark.parametrize(("unit", "factor"), [("W", 1e-3), ("kW", 1.0), ("MW", 1e3)])
def test_a_unit_of_the_same_dimension_is_converted(tmp_path, unit, factor):
    (operators,) = [p.society for p in market(tmp_path, unit).populations if "pv" in p.society.facts]
    assert operators.pv.ravel() == pytest.approx([2 * factor, 3 * factor])


@pytest.mark.parametrize("unit", ["$/kWh", "kWh", "1", "h", "ct/kWh", "%"])
def test_a_unit_of_another_dimension_is_refused_with_file_column_and_both_units(tmp_path, unit):
    with pytest.raises(ScenarioError) as error:
        market(tmp_path, unit)
    told = str(error.value)
    assert told.startswith("A.operator: pv = 'sun': ")
    assert f"day.csv: column 'sun' is in {unit!r}; wanted kW, W or MW" in told


def test_a_users_type_is_held_to_its_units_where_it_says_them(tmp_path):
    (tmp_path / "own.py").write_text(
        "from gridparley import Array, Prosumer\nfrom gridparley.agents.facts import fact\n"
        "class Own(Prosumer):\n    told: Array = fact('$/kWh', 'a tariff')\n    untold: Array\n"
    )
    own = '{ type = "own.py:Own", told = TOLD, untold = UNTOLD }'
    text = DAY.replace('"sun"', "1.0").replace('{ type = "SquareRootLoad", beta = 1.0, cap = 1.0 }', own)
    right = text.replace("UNTOLD", '"sun"').replace("TOLD", "1.0")
    (society,) = [p.society for p in market(tmp_path, "MW", right).populations if "untold" in p.society.facts]
    assert society.untold.tolist() == [[2000.0, 3000.0]]
    with pytest.raises(ScenarioError, match=r"wanted \$/kWh, \$/MWh or ct/kWh"):
        market(tmp_path, "MW", text.replace("UNTOLD", "1.0").replace("TOLD", '"sun"'))
