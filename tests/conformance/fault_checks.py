"""Checks of what becomes of messages that a fault is given."""

from __future__ import annotations

import numpy as np

from ..environment import MessageBatch
from ..environment.faults import Fault, FaultSchedule, Stage
from .error import ConformanceError, shown
from .fault_subject import FaultSubject, columns_of
from .fingerprint import fingerprint, same_bits

__all__ = [
    "acts_at_its_stage",
    "arrives_after_it_was_sent",
    "gives_back_a_batch",
    "invents_no_message",
    "keeps_the_order",
    "leaves_its_input_alone",
    "leaves_payloads_alone",
    "luck_is_its_own",
    "same_seed_same_fate",
    "takes_an_empty_batch",
    "tells_copies_apart",
]


def acts_at_its_stage(subject: FaultSubject) -> bool:
    """The method that its stage calls is the one that it overrides."""
    wanted, other = ("on_send", "on_deliver") if subject.sends else ("on_deliver", "on_send")
    kind, stage = type(subject.fault), subject.fault.stage
    own = [name for name in (wanted, other) if getattr(kind, name) is not getattr(Fault, name)]
    # A crash acts on what its agent sends as well as on what it would have heard.
    if wanted not in own or (other in own and stage is not Stage.CRASH):
        got = f"it overrides {' and '.join(own) or 'neither on_send nor on_deliver'}"
        wish = f"{wanted}, which is what stage {Stage(stage).name} calls"
        raise ConformanceError("acts_at_its_stage", repr(subject.fault), given="its class", got=got, wanted=wish)
    return True


def gives_back_a_batch(subject: FaultSubject) -> bool:
    """It returns a batch whose columns all have a value for each message."""
    for batch in subject.batches:
        subject.act(batch)
    return True


def takes_an_empty_batch(subject: FaultSubject) -> bool:
    """Given nothing it returns nothing: an earlier fault may have lost everything."""
    method = subject.fault.on_send if subject.sends else subject.fault.on_deliver
    for batch in subject.batches[:: len(subject.kinds)]:
        nothing = batch.take(np.zeros(len(batch), dtype=bool))
        try:
            after = method(nothing, subject.chance(nothing))
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
            raise subject.error("takes_an_empty_batch", nothing, got, "an empty batch") from error
        if len(after):
            raise subject.error("takes_an_empty_batch", nothing, f"{len(after)} messages", "an empty batch")
    return True


def leaves_its_input_alone(subject: FaultSubject) -> bool:
    """It writes to no column of the batch it is given: its sender and other faults hold the same arrays."""
    for batch in subject.batches:
        before = {name: fingerprint(column) for name, column in columns_of(batch).items()}
        subject.act_on(batch)
        changed = [name for name, column in columns_of(batch).items() if fingerprint(column) != before[name]]
        if changed:
            raise subject.error("leaves_its_input_alone", batch, f"{', '.join(changed)} written to", "new arrays")
    return True


def invents_no_message(subject: FaultSubject) -> bool:
    """Every message it returns was there, or is the copy of one; only a fault of stage COPIES makes copies."""
    for batch, after in subject.acted():
        strange = np.setdiff1d(after.channel, batch.channel)
        if len(strange):
            names = subject.topology.name
            c = subject.topology.channels
            k = int(strange[0])
            where = f"{names(c.sender[k])} -> {names(c.receiver[k])}" if 0 <= k < len(c) else "which does not exist"
            raise subject.error("invents_no_message", batch, f"a message on channel {k}, {where}", "messages given")
        if subject.fault.stage is not Stage.COPIES:
            more = set(_identities(after)) - set(_identities(batch))
            if more or len(after) > len(batch):
                got = f"{len(after)} messages, {len(more)} of them new"
                raise subject.error("invents_no_message", batch, got, "no more than was given at this stage")
        elif missing := set(_identities(batch)) - set(_identities(after)):
            got = f"{len(missing)} messages are gone"
            raise subject.error("invents_no_message", batch, got, "all that was given, and copies")
    return True


def tells_copies_apart(subject: FaultSubject) -> bool:
    """No two messages on a channel have the same `copy`, or they would share every later draw."""
    for batch, after in subject.acted():
        here = _identities(after)
        if len(set(here)) < len(here):
            channel, copy = next(pair for pair in here if here.count(pair) > 1)
            got = f"channel {channel} holds copy {copy} more than once"
            raise subject.error("tells_copies_apart", batch, got, "a `copy` of its own for each")
    return True


def keeps_the_order(subject: FaultSubject) -> bool:
    """Messages come back by channel: copies stand side by side, which is how a memory knows them."""
    for batch, after in subject.acted():
        if (np.diff(after.channel) < 0).any():
            raise subject.error("keeps_the_order", batch, f"channels {shown(after.channel)}", "ascending channels")
    return True


def leaves_payloads_alone(subject: FaultSubject) -> bool:
    """What was said arrives as it was said, unless corruption is the fault's stage."""
    if subject.fault.stage is Stage.CORRUPTION:
        return False
    for batch, after in subject.acted():
        said = {int(c): row for c, row in zip(batch.channel, batch.values, strict=True)}
        for channel, row in zip(after.channel.tolist(), after.values, strict=True):
            if channel in said and not same_bits(row, said[channel]):
                got = f"{shown(row)} on channel {channel}, where {shown(said[channel])} was said"
                raise subject.error("leaves_payloads_alone", batch, got, "payloads untouched")
    return True


def arrives_after_it_was_sent(subject: FaultSubject) -> bool:
    """No message is due before the tick after it was sent; one that arrives now is not put off."""
    for batch, after in subject.acted():
        due = after.due_ticks
        if len(due) and due.min() <= batch.sent:
            got = f"a message due in tick {int(due.min())}"
            raise subject.error("arrives_after_it_was_sent", batch, got, f"tick {batch.sent + 1} or later")
        if not subject.sends:
            then = dict(zip(_identities(batch), batch.due_ticks.tolist(), strict=True))
            late = [k for k, d in zip(_identities(after), due.tolist(), strict=True) if then.get(k, d) != d]
            if late:
                got = f"a message on channel {late[0][0]} with another due tick"
                raise subject.error("arrives_after_it_was_sent", batch, got, "due ticks untouched on arrival")
    return True


def same_seed_same_fate(subject: FaultSubject) -> bool:
    """What becomes of a message follows from the seed, not from the past nor from another source of chance."""
    first = [_fates(after) for _, after in subject.acted()]
    again = FaultSchedule([subject.fault], subject.topology, [kind.name for kind in subject.kinds], subject.seed)
    for batch, fates in zip(reversed(subject.batches), reversed(first), strict=True):
        other = _fates(subject.act(batch, again))
        if other != fates:
            raise subject.error(
                "same_seed_same_fate", batch, f"the second time {_apart(fates, other)}", "the same fates"
            )
    return True


def luck_is_its_own(subject: FaultSubject) -> bool:
    """What becomes of a message does not depend on which others are sent beside it."""
    rng = np.random.default_rng(subject.seed)
    for batch, after in subject.acted():
        whole = _fates(after)
        for channels in (batch.channel[:1], batch.channel[-1:], rng.choice(batch.channel, len(batch) // 2 + 1)):
            part = batch.take(np.isin(batch.channel, channels))
            alone = _fates(subject.act(part))
            wanted = {key: fate for key, fate in whole.items() if key[0] in set(channels.tolist())}
            if alone != wanted:
                got = f"among {len(part)} of them {_apart(wanted, alone)}"
                raise subject.error("luck_is_its_own", batch, got, "the fates they have among all")
    return True


def _identities(batch: MessageBatch) -> list[tuple[int, int]]:
    copy = np.zeros(len(batch), dtype=np.uint64) if batch.copy is None else batch.copy
    return list(zip(batch.channel.tolist(), copy.tolist(), strict=True))


def _fates(batch: MessageBatch) -> dict[tuple[int, int], tuple[int, bytes]]:
    """Return, for each message that is left, when it is due and what it says."""
    values = [row.tobytes() for row in np.ascontiguousarray(batch.values)]
    return dict(zip(_identities(batch), zip(batch.due_ticks.tolist(), values, strict=True), strict=True))


def _apart(one: dict[tuple[int, int], tuple[int, bytes]], two: dict[tuple[int, int], tuple[int, bytes]]) -> str:
    channel, copy = min(key for key in one.keys() | two.keys() if one.get(key) != two.get(key))
    words = []
    for fates in (two, one):
        fate = fates.get((channel, copy))
        words.append("is gone" if fate is None else f"is due in tick {fate[0]}, saying {shown(np.frombuffer(fate[1]))}")
    return f"the message on channel {channel}{' (a copy)' * bool(copy)} {words[0]}; before it {words[1]}"
