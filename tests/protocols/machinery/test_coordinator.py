"""Which coordinator listens to whom, speaks to whom, and keeps what: alone or in company the same."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import load_scenario
from gridparley.environment.topology.channels import Link
from gridparley.protocols import Coordinator, DualDecomposition


def coordinators(name, settings=(), **options):
    """Return the wired topology, and the coordinators in one role and in a role each."""
    protocol = DualDecomposition(**options)
    market = protocol.wired(load_scenario(name, settings).market())
    sides = [protocol.roles(market, one_by_one=alone) for alone in (False, True)]
    (whole,), parts = ([role for role in roles if isinstance(role, Coordinator)] for roles in sides)
    return market.topology, whole, parts


@pytest.mark.parametrize("two_ledgers", [False, True])
@pytest.mark.parametrize("topology", ["ring", "tree", "small_world"])
def test_one_by_one_they_hear_and_keep_what_they_hear_and_keep_together(topology, two_ledgers):
    settings = ["microgrids=7", f"topology={topology}", "prosumers=1..3"]
    town, whole, parts = coordinators("microgrids", settings, two_ledgers=two_ledgers)
    assert len(parts) == 7
    ledger, termination = whole.ledger, whole.termination
    for who, part in enumerate(parts):
        mine = whole.of_row == who
        assert np.array_equal(whole.down[mine], part.down)
        assert np.array_equal(whole.answers.channel[mine], part.answers.channel)
        assert np.array_equal(ledger.balance[ledger.of_balance == who], part.ledger.balance)
        assert np.array_equal(ledger.balance[ledger.group[mine]], part.ledger.balance[part.ledger.group])
        assert np.array_equal(termination.out[termination.of == who], part.termination.out)
        assert np.array_equal(termination.heard.channel[termination.of == who], part.termination.heard.channel)
        if two_ledgers:
            copied = whole.memory_owner["copy"] == who
            assert np.array_equal(whole.memory["copy"].channel[copied], part.memory["copy"].channel)
            assert np.array_equal(whole._out[copied], part._out)
    for memory in whole.memory.values():
        assert len(np.unique(memory.channel)) == len(memory)
        assert (town.channels.receiver[memory.channel] < len(town.coordinators)).all()


@pytest.mark.parametrize("two_ledgers", [False, True])
def test_every_channel_has_one_listener_and_every_row_is_asked_by_one(two_ledgers):
    town, _, parts = coordinators("microgrids", ["microgrids=5", "prosumers=1..3"], two_ledgers=two_ledgers)
    heard = np.concatenate([part.memory[kind].channel for part in parts for kind in ("answer", "termination")])
    to_coordinators = np.flatnonzero(town.channels.link != Link.DOWN)
    assert sorted(heard.tolist()) == to_coordinators.tolist()
    asked = np.concatenate([part.down for part in parts])
    assert sorted(asked.tolist()) == np.flatnonzero(town.channels.link == Link.DOWN).tolist()


def ends_of_lines(town):
    """By tie-line: who asks, and who is asked, at either end."""
    rows = [np.flatnonzero(town.row_balance == line) for line in town.joins]
    return [
        [(town.name(int(town.row_coordinator[row])), town.name(int(town.row_agent[row]))) for row in two]
        for two in rows
    ]


def test_with_one_ledger_the_coordinator_asks_both_ends_of_its_lines():
    town, whole, _ = coordinators("three-microgrids")
    assert ends_of_lines(town) == [
        [("A.virtual", "A.operator"), ("A.virtual", "B.operator")],
        [("A.virtual", "A.operator"), ("A.virtual", "C.operator")],
        [("B.virtual", "B.operator"), ("B.virtual", "C.operator")],
    ]
    assert np.array_equal(town.channels.sender[whole.down], town.row_coordinator[whole.ledger.row])


def test_with_two_ledgers_each_end_is_asked_by_its_own_coordinator_and_told_the_other_by_the_neighbour():
    town, whole, _ = coordinators("three-microgrids", two_ledgers=True)
    for ends in ends_of_lines(town):
        assert [asks.partition(".")[0] for asks, _ in ends] == [asked.partition(".")[0] for _, asked in ends]
    copies = whole.memory["copy"]
    told = {(town.name(town.channels.sender[c]), town.name(town.channels.receiver[c])) for c in copies.channel}
    assert told == {(f"{a}.virtual", f"{b}.virtual") for a in "ABC" for b in "ABC" if a != b}
    assert np.array_equal(town.channels.back[copies.channel], whole._out)


def test_two_ledgers_are_one_where_no_balance_joins_two_coordinators():
    one, two = (
        load_scenario("communities", ["pool.open=false", *more], protocol="dual_decomposition").simulation()
        for more in ([], ["two_ledgers=true"])
    )
    one.run(30)
    for _ in range(60):  # a round may take a tick longer
        two.step()
        if (two.state.round == one.state.round).all():
            break
    assert two.state.row_price is None
    assert np.array_equal(one.state.price, two.state.price)
