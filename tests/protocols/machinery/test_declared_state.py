"""Declared state: what a role snapshots is all there is to it, and what it forgets is what it declared."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest

from gridparley.conformance.market import three_microgrids
from gridparley.environment.faults import Crash, Delay, Loss
from gridparley.protocols import ATC, Coordinator, DlmpADMM, DualDecomposition, ExchangeADMM, Incentive
from gridparley.runs.simulation.simulation import Simulation

from ..markets import bilateral, pools_with_trades
from ..peers import four_peers

MARKETS = {
    "three microgrids": three_microgrids,
    "four peers": four_peers,
    "bilateral": bilateral,
    "pools": pools_with_trades,
}
CASES = [
    ("three microgrids", DualDecomposition(step_size=0.3)),
    ("three microgrids", DualDecomposition(step_size=0.3, on_silence="newest")),
    ("three microgrids", DualDecomposition(step_size=0.3, two_ledgers=True)),
    ("three microgrids", ExchangeADMM()),
    ("three microgrids", ExchangeADMM(on_silence="newest")),
    ("pools", Incentive()),
    ("pools", ExchangeADMM()),
    ("four peers", ATC()),
    ("four peers", DlmpADMM(rule="network_weighted")),
    ("bilateral", ATC(penalty="quadratic", beta=1.01)),
    ("bilateral", DlmpADMM()),
]
EVERY = pytest.mark.parametrize(("market", "protocol"), CASES, ids=lambda value: str(value))
TICKS = 40


def start(market, protocol, **options):
    """Return a run in bad weather in which a coordinator and another agent lose their memory before tick 40 and after it."""
    market = MARKETS[market]()
    member = market.topology.name(len(market.topology.coordinators))
    crashes = [
        Crash(agent=who, start=at, end=at + 5, memory="lost", name=f"{who} {at}")
        for who, first in ((market.topology.coordinators[0], 14), (member, 25))
        for at in (first, first + 40)
    ]
    faults = [Loss(probability=0.15), Delay(ticks="0..2"), *crashes]
    return Simulation(market, protocol, faults, seed=4, cost_every=0, keep_messages=True, **options)


def told(simulation):
    """Everything that was said, and the state at the end, to the last bit."""
    said = [(b.kind.name, b.sent, b.channel.tobytes(), b.values.tobytes()) for b in simulation.journal.said]
    state = simulation.state
    ends = [state.price, *state.x, state.round, state.stopped, *([] if state.row_price is None else [state.row_price])]
    return said, [column.tobytes() for column in ends]


@pytest.mark.slow
@EVERY
@pytest.mark.parametrize("ticks", [1, 18, TICKS])
def test_roles_just_built_take_up_a_snapshot_and_go_on_to_the_same_bits(market, protocol, ticks):
    through = start(market, protocol)
    through.run(3 * TICKS)
    broken = start(market, protocol)
    broken.run(ticks)
    fresh = protocol.roles(broken.market)
    for new, old in zip(fresh, broken.roles, strict=True):
        new.restore(deepcopy(old.snapshot()))
    broken.roles = fresh
    broken.run(3 * TICKS)
    assert told(broken) == told(through)


def owners(role):
    """Return by name of what a role snapshots which of its agents each entry belongs to."""
    alone = np.arange(len(role.address))
    found = {name: alone if one.owner is None else one.owner for name, one in role.declared.items()}
    return found | {f"memory.{name}": owner for name, owner in role.memory_owner.items()}


@EVERY
def test_who_forgets_has_what_it_declared_at_first_and_the_others_what_they_had(market, protocol):
    simulation = start(market, protocol)
    simulation.run(TICKS)
    for role in simulation.roles:
        who = np.arange(len(role.address)) == len(role.address) // 2
        before = deepcopy(role.snapshot())
        role.forget(who)
        after = role.snapshot()
        for name, owner in owners(role).items():
            lost = who[owner]
            if name.startswith("memory."):
                if name not in before:  # of a recovery, which is made when it is needed
                    continue
                for column, nothing in (("sent", -1), ("heard", -1), ("values", 0.0)):
                    now, then = after[name][column], before[name][column]
                    assert (now[lost] == nothing).all()
                    assert np.array_equal(now[~lost], then[~lost])
                continue
            first = role.declared[name].first
            now = after[name]
            # A coordinator that begins to recover says so.
            if name == "Recovery.pending":
                assert now[lost].all()
            else:
                assert np.array_equal(now[lost], first[lost], equal_nan=first.dtype.kind == "f")
            if name in before:
                kept = before[name]
                assert np.array_equal(now[~lost], kept[~lost], equal_nan=kept.dtype.kind == "f")
        assert role.woken


@EVERY
def test_every_column_is_declared_with_one_entry_for_each_that_it_belongs_to(market, protocol):
    simulation = start(market, protocol)
    simulation.run(5)
    for role in simulation.roles:
        snapshot = role.snapshot()
        for name, owner in owners(role).items():
            if name.startswith("memory."):
                assert {len(owner)} == {len(snapshot[name][column]) for column in ("sent", "heard", "values")}
            else:
                assert len(owner) == len(snapshot[name]) == len(role.declared[name].first)
            assert owner.size == 0 or owner.max() < len(role.address)
        if isinstance(role, Coordinator):
            assert {f"Columns.{column}" for column in ("price", *protocol.columns)} <= role.declared.keys()


@EVERY
def test_what_is_of_a_period_starts_again_with_the_next_and_the_rest_stays(market, protocol):
    simulation = start(market, protocol)
    simulation.run(TICKS)
    for role in simulation.roles:
        before = deepcopy(role.snapshot())
        role.open(simulation.market, 1000, TICKS)
        after = role.snapshot()
        for name, declared in role.declared.items():
            if declared.per_period:
                assert np.array_equal(after[name], declared.first, equal_nan=declared.first.dtype.kind == "f")
            elif name.rpartition(".")[2] in ("round", "spoke", "counted"):  # told by the clock that all agents have
                continue
            else:
                kept = before[name]
                assert np.array_equal(after[name], kept, equal_nan=kept.dtype.kind == "f")
        assert role.woken
