"""Whatever is said, whatever the faults do: nothing vanishes, nothing is made up, nothing is too early or too late."""

from collections import Counter
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridparley.environment import Fate, Outbox, Topology, Transport
from gridparley.environment.faults import Delay, Duplicate, Fault, Loss, Stage

from .conftest import ECHO, KINDS, NEWS, connected_graphs, topology

TICKS = 8
TOWN = topology("A-B B-C", load=2)
SEEN: list[tuple[str, int, int, int]] = []


class Spy(Fault):
    """Changes nothing. It acts last on sending, and notes (kind, sent, channel, due) of every single message."""

    stage: ClassVar[Stage] = Stage.DELAY

    def on_send(self, envelopes, chance):
        name = envelopes.each([batch.kind.name for batch in envelopes.batches])
        SEEN.extend(zip(name, envelopes.sent, envelopes.channel, envelopes.due_ticks, strict=True))
        return envelopes


class Gate(Fault):
    """Stops some of what arrives."""

    stage: ClassVar[Stage] = Stage.PARTITION
    probability: float

    def on_deliver(self, envelopes, chance):
        return envelopes.take(chance(envelopes) >= self.probability)


chances = st.sampled_from([0.0, 0.2, 0.5, 1.0])
spans = st.sampled_from([0, 1, 3, "0..2", "1..4"])


@st.composite
def schedules(draw: st.DrawFn) -> list[Fault]:
    """Any faults with any scopes and windows; names make them differ."""
    made: list[Fault] = [Spy(name="~")]
    for number in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, TICKS - 1))
        scope: dict[str, Any] = {
            "name": f"fault {number}",
            "agent": draw(st.sampled_from([None, "B.operator", "*.virtual", "A.load.1", "A.*"])),
            "channel": draw(st.sampled_from([None, "*.virtual->*.*", "*.virtual<->*.operator"])),
            "message": draw(st.sampled_from([None, "news"])),
            "start": start,
            "end": draw(st.sampled_from([None, start + 1, start + 4])),
        }
        if scope["channel"] and scope["agent"] == "A.load.1":
            scope["agent"] = None
        probability, span = draw(chances), draw(spans)
        match draw(st.sampled_from(["loss", "delay", "duplicate", "gate"])):
            case "loss":
                made.append(Loss(probability=probability, **scope))
            case "delay":
                made.append(Delay(ticks=span, **scope))
            case "duplicate":
                made.append(Duplicate(probability=probability, copies=draw(st.integers(1, 3)), delay=span, **scope))
            case _:
                made.append(Gate(probability=probability, **scope))
    return made


def longest(faults):
    """Ticks by which a message can be later than the next tick, if everything falls on it at once."""
    delays = sum(fault.ticks.high for fault in faults if isinstance(fault, Delay))
    # Only originals are copied, so a message comes out of at most one of these.
    return delays + max((fault.delay.high for fault in faults if isinstance(fault, Duplicate)), default=0)


def value(sent, channel):
    """What the message says, so that a mixed-up payload shows."""
    return 1000.0 * sent + channel


@pytest.mark.slow
@given(schedules(), st.data(), st.integers(0, 2**32))
@settings(max_examples=120, deadline=None)
def test_every_message_is_accounted_for_at_every_tick(faults, data, seed):
    SEEN.clear()
    transport = Transport(TOWN, KINDS, faults, seed=seed)
    count, said = transport.journal.totals, set()
    most = 1 + sum(fault.copies for fault in faults if isinstance(fault, Duplicate))
    for tick in range(TICKS + longest(faults) + 2):
        arrived = [
            (batch.kind.name, batch.sent, c, v)
            for batch in transport.deliver(tick)
            for c, v in zip(batch.channel.tolist(), batch.values[:, 0].tolist(), strict=True)
        ]
        # Exactly what was due, apart from what a gate stopped; each with its own payload; and only what was said.
        due = Counter((name, sent, c) for name, sent, c, d in SEEN if d == tick)
        found = Counter(message[:3] for message in arrived)
        assert found <= due
        if not any(isinstance(fault, Gate) for fault in faults):
            assert found == due
        assert all(message[:3] in said and message[3] == value(*message[1:3]) for message in arrived)
        assert all(tick - 1 - longest(faults) <= sent <= tick - 1 for _, sent, _, _ in arrived)
        for name, *_ in arrived:
            transport.journal.count(tick, name, Fate.DELIVERED, 1)
        outbox = Outbox(tick)
        for kind in (NEWS, ECHO) if tick < TICKS else ():
            chosen = sorted(data.draw(st.sets(st.integers(0, len(TOWN.channels) - 1), max_size=8)))
            said |= {(kind.name, tick, c) for c in chosen}
            channel = np.array(chosen, dtype=np.int32)
            outbox.send(kind, channel, value(tick, channel)[:, None])
        transport.accept(outbox)  # checks the journal itself
        flying = [d for *_, d in SEEN if d > tick]
        assert transport.in_flight == len(flying)
        assert count[Fate.SENT] == len(said)
        assert count[Fate.SENT] + count[Fate.COPIED] - count[Fate.LOST] == len(SEEN)
        assert count[Fate.LATE] == sum(d > sent + 1 for _, sent, _, d in SEEN)
        assert max(Counter((name, sent, c) for name, sent, c, _ in SEEN).values(), default=0) <= most
    assert transport.in_flight == 0
    assert count[Fate.DELIVERED] + count[Fate.STOPPED] == len(SEEN)


@given(connected_graphs(most=6), st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_without_faults_everything_arrives_in_the_next_tick_in_any_town(graph, tick):
    town = Topology.from_graph(graph)
    channel = np.arange(len(town.channels), dtype=np.int32)
    transport, outbox = Transport(town, KINDS), Outbox(tick)
    outbox.send(NEWS, channel, value(tick, channel)[:, None])
    transport.accept(outbox)
    (batch,) = transport.deliver(tick + 1)
    assert np.array_equal(batch.channel, channel)
    assert np.array_equal(batch.values[:, 0], value(tick, channel))
    assert set(transport.journal.totals) == {Fate.SENT}
