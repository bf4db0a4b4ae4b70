"""What the help of each command ends with: examples, exit codes and what it prints or writes."""

from __future__ import annotations

__all__ = [
    "BRANCH",
    "CHECK",
    "CONFORM",
    "EXPORT",
    "GENERAL",
    "LESSON",
    "LIST",
    "PLOT",
    "PROFILES",
    "REPORT",
    "RESUME",
    "RUN",
    "SHOW",
    "WATCH",
]

GENERAL = """
\b
First steps:
  gridparley list scenarios
  gridparley run three-microgrids
  gridparley watch three-microgrids
  gridparley run three-microgrids --fault loss=0.3 --fault delay=0..5 --out lossy
  gridparley plot lossy
  gridparley branch lossy --tick 30 --fault crash=B.operator,from=30,to=50

\b
From Python:
  from gridparley import load_scenario, run_scenario
  scenario = load_scenario("three-microgrids", ["alpha=0.1"], faults=["loss=0.3"])
  result = run_scenario(scenario)
  print(result.outcome, round(result.total_cost, 4))
  print(result.microgrids()["A"]["price"])
"""

LIST = """
\b
Examples:
  gridparley list
  gridparley list faults
  gridparley list protocols --json
"""

RUN = """
\b
Examples:
  gridparley run three-microgrids
  gridparley run three-microgrids --set alpha=0.1 --set A.operator.pv=0.7
  gridparley run three-microgrids --fault loss=0.3 --fault duplicate=0.2,from=20,to=60 --seed 7
  gridparley run microgrids --set microgrids=8 --set topology=ring --set prosumers=3..10 --json
  gridparley run three-microgrids --fault delay=0..5 --out delayed
  gridparley run prosumer-day --settlement

\b
A tick is one hop of a message, a round one iteration of the protocol (usually two ticks).

\b
Outcomes: CONVERGED (with a certificate), STALLED, OSCILLATING, DIVERGED, INCONSISTENT, INFEASIBLE, TICK_LIMIT, FAILED.
Exit status: 0 the run has ended, whatever its outcome; 1 something in the scenario or the options is wrong, or FAILED;
  2 the command line cannot be read; 3 with --strict, the outcome is not CONVERGED.

\b
--json prints one object: scenario, scenario_hash, protocol, seed, settings (by, field, from, to, agents, dropped: what
  --set and a changed type did), outcome, reason (for the outcome), ticks, rounds, seconds, messages (by fate), faults
  (name, acted_first: the tick, null where it acted on nothing), total_cost, reference_cost, optimum_cost (all three
  without regularising terms; the last at the optimum with them), objective, reference_objective (both with them), gap,
  regularisation_gap, certificate (lower, upper, gap, committed; residual, kW, where an equilibrium is no common
  optimum), probe (what answers fail against their own cost: findings, agents, strategic), residuals, worst, cost_unit
  (of all costs), period_hours, and the solution as microgrids (price, demand, generation, net_export, and pv, storage,
  soc, main_grid, energy, tariff where there are any), tie_lines (transfer, transfer_price) and settlement (cost,
  payment, together, alone, gain, in $; of prosumers with --settlement); of a market on a feeder also usage (trades,
  their charges and the budget), feeder (voltages, lines, prices of connections) and, with --ac-check, ac_check (with,
  without); and of any market agents (name, type, home, power: its net import, payment, cost) and balances (name, kind,
  from, to, price, power, payment), null beyond 2000 rows; in kW, $/kWh, kWh and $/h, null where there is no such number,
  and a list where there are several periods. A transfer over A-B is positive from A to B.

\b
--out DIR writes scenario.toml, result.json, metrics.csv, prices.csv, messages.csv and command.txt (see gridparley plot),
  and record.sqlite: every message of every tick, as it happens. A run that was killed goes on with gridparley resume DIR.
"""

SHOW = """
\b
Examples:
  gridparley show three-microgrids
  gridparley show three-microgrids --set alpha=0.1 --fault loss=0.3 > mine.toml
  gridparley run mine.toml
"""

PLOT = """
\b
Examples:
  gridparley run three-microgrids --fault loss=0.5,from=20,to=60 --out cut
  gridparley plot cut
  gridparley plot cut --format pdf --out figures

\b
Figures: prices, residuals and gap on a log axis, messages by what became of them, and the solution; of several periods
  instead each microgrid's schedule by source, states of charge, prices and transfers by the hour, and the settlement.
"""

REPORT = """
\b
Examples:
  gridparley run three-microgrids --fault loss=0.3,to=60 --fault crash=B.operator,from=30,to=40 --out lossy
  gridparley report lossy
  gridparley report lossy --from 20 --to 80 --out excerpt.html

\b
The file opens in a browser, from disk and without a network. Space plays and pauses, arrows step, Home and End go to the
first and last tick. What one page cannot hold of a large run is said; --from and --to choose the ticks.
"""

WATCH = """
\b
Examples:
  gridparley watch three-microgrids
  gridparley watch three-microgrids --fault loss=0.3 --out lossy
  gridparley watch lossy
  gridparley watch lossy --terminal
  gridparley watch

\b
The page steps, plays, goes back, cuts links, crashes agents and branches. What was done in it can be saved as a schedule,
  and gridparley run SCENARIO --faults FILE does it again to the last bit. It asks no machine but this one.
A page that is closed ends its run. With --out the run is kept: the first page's in DIR, the next one's in DIR-2.

\b
With --terminal: space plays and pauses, arrows step, + and - set the speed, g goes to a tick, up and down choose a microgrid,
  q leaves. / asks for words that messages must fit: parts of agents' names, kinds, lost, late, delivered, stale, refused,
  flying.
"""

PROFILES = """
\b
Examples:
  gridparley profiles mine.csv --lat 51.31 --lon 9.48 --date 2023-06-21 --pv roof:45 --household home:4000
  gridparley profiles mine.csv --lat 51.31 --lon 9.48 --date 2023-06-21 --step 15min --business cbd:210000:g1

\b
The file has a column in kW for each, which facts of a scenario name: profiles = "mine.csv", and pv = "roof". PV is that
  of a clear sky; households and businesses are the German standard load profiles (h0_dyn, g0 to g6), without holidays.
"""

LESSON = """
\b
Examples:
  gridparley lesson
  gridparley lesson price
  gridparley lesson loss --live

\b
The page opens in a browser, from disk and without a network. Every figure in it comes from the run that it shows.
"""

RESUME = """
\b
Examples:
  gridparley run microgrids --fault loss=0.3 --out long      # and it is killed
  gridparley resume long

\b
What was recorded is done again from the last checkpoint and compared; the record ends up the same to the last bit as if
nothing had happened. A record that this release would continue otherwise is left as it is.
"""

CHECK = """
\b
Examples:
  gridparley check lossy
  gridparley check from-a-colleague --trust    # runs the files that it names

\b
Exit status: 0 it is as it should be; 1 it is not.
"""

CONFORM = """
\b
Examples:
  gridparley conform heat_pump.py:HeatPump
  gridparley conform heat_pump.py:HeatPump --set comfort=3 --set stiffness=0.4 --set power_max=5
  gridparley conform heat_pump.py:HeatPump --scenario warm.toml
  gridparley conform ascent.py:Ascent
  gridparley conform exchange_admm --set rho=1
  gridparley conform loss=0.3 --json

\b
Every rule is tried, and of what breaks one it says on what, what came, and what should have. Facts that an agent needs and
  that are not given are drawn; so that they fit each other, name a scenario with such agents.
Exit status: 0 every rule is kept; 1 one is broken; 2 there is no such type, or it allows no such values.
"""

BRANCH = """
\b
Examples:
  gridparley branch lossy --tick 30 --fault loss=0.9,name=storm,to=60
  gridparley branch lossy --tick 30 --end loss --out healed

\b
Both runs draw the same numbers: what differs is what the faults did. The branch is a run of its own, which plot, resume,
check and branch take.
"""

EXPORT = """
\b
Examples:
  gridparley export lossy
  gridparley export lossy --out for-pandas

\b
messages.parquet has a row for every message and every copy: id, kind, sender, receiver, sent, ended (ticks), fate, reason,
  cause (the id of the message that led to it), and what it says. metrics, prices and answers have a row a tick and number.
"""
