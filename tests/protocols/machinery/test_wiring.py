"""Who listens to whom: every channel of a topology has exactly one listener and one speaker."""

from __future__ import annotations

import numpy as np
import pytest

from gridparley import load_scenario
from gridparley.protocols.machinery.wiring import Wiring


@pytest.mark.parametrize("two_ledgers", [False, True])
@pytest.mark.parametrize("topology", ["ring", "tree", "small_world"])
def test_one_by_one_the_hubs_hear_what_they_hear_together(topology, two_ledgers):
    town = load_scenario("microgrids", ["microgrids=7", f"topology={topology}", "prosumers=1..3"]).market().topology
    whole = Wiring.of(town, np.arange(7), two_ledgers=two_ledgers)
    parts = [Wiring.of(town, np.array([hub]), two_ledgers=two_ledgers) for hub in range(7)]
    for hub, part in enumerate(parts):
        assert np.array_equal(whole.member_up[whole.member_hub == hub], part.member_up)
        assert np.array_equal(whole.member_down[whole.member_hub == hub], part.member_down)
    for name in ("peer_in", "peer_out", "book_line", "slot_up", "slot_down", "copy_out"):
        assert np.array_equal(getattr(whole, name), np.concatenate([getattr(part, name) for part in parts])), name
    for channels in (whole.member_up, whole.peer_in, whole.slot_up):
        assert len(np.unique(channels)) == channels.size
        place = np.asarray(town.channels.receiver)[channels]
        assert (place < town.hubs).all()


def test_with_one_ledger_the_keeper_asks_both_ends_of_its_lines():
    town = load_scenario("three-microgrids").market().topology
    wiring = Wiring.of(town, np.array([0, 1, 2]))
    names = [[town.name(int(town.channels.receiver[c])) for c in pair] for pair in wiring.slot_down]
    assert names == [["A.operator", "B.operator"], ["A.operator", "C.operator"], ["B.operator", "C.operator"]]
    assert (town.channels.sender[wiring.slot_down] == np.array([[0, 0], [0, 0], [1, 1]])).all()
