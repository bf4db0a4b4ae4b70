"""Checks of what becomes of messages that a fault is given."""

from __future__ import annotations

import numpy as np

from ..environment.envelopes import Envelopes
from ..environment.faults import FaultSchedule, Stage
from .error import shown
from .fault_subject import FaultSubject, columns_of, copied
from .fingerprint import fingerprint, same_bits

__all__ = [
    "arrives_after_it_was_sent",
    "gives_back_envelopes",
    "invents_no_message",
    "keeps_the_order",
    "leaves_its_input_alone",
    "leaves_payloads_alone",
    "luck_is_its_own",
    "same_seed_same_fate",
    "takes_no_messages",
    "tells_copies_apart",
]


def gives_back_envelopes(subject: FaultSubject) -> bool:
    """It returns envelopes of the same batches, whose columns all have a value for each message."""
    for given in subject.trials:
        subject.act(given)
    return True


def takes_no_messages(subject: FaultSubject) -> bool:
    """Given nothing it returns nothing: an earlier fault may have lost everything."""
    method = subject.fault.on_send if subject.sends else subject.fault.on_deliver
    for given in subject.trials:
        nothing = copied(given).take(np.zeros(len(given), dtype=bool))
        try:
            after = method(nothing, subject.chance(nothing))
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
            raise subject.error("takes_no_messages", nothing, got, "no messages") from error
        if len(after):
            raise subject.error("takes_no_messages", nothing, f"{len(after)} messages", "no messages")
    return True


def leaves_its_input_alone(subject: FaultSubject) -> bool:
    """It writes to no column and no payload that it is given: senders and other faults hold the same arrays."""
    for given in subject.trials:
        arrays = {name: column for name, column in columns_of(given).items() if column is not None}
        arrays |= {f"payload of {batch.kind.name!r}": batch.payload for batch in given.batches}
        before = {name: fingerprint(array) for name, array in arrays.items()}
        subject.act_on(given)
        changed = [name for name, array in arrays.items() if fingerprint(array) != before[name]]
        if changed:
            raise subject.error("leaves_its_input_alone", given, f"{', '.join(changed)} written to", "new arrays")
    return True


def invents_no_message(subject: FaultSubject) -> bool:
    """Every message it returns was there, or is the copy of one; only a fault of stage COPIES makes copies."""
    for given, after in subject.acted():
        strange = np.setdiff1d(after.channel, given.channel)
        if len(strange):
            names = subject.topology.name
            c = subject.topology.channels
            k = int(strange[0])
            where = f"{names(c.sender[k])} -> {names(c.receiver[k])}" if 0 <= k < len(c) else "which does not exist"
            raise subject.error("invents_no_message", given, f"a message on channel {k}, {where}", "messages given")
        if subject.fault.stage is not Stage.COPIES:
            more = set(_identities(after)) - set(_identities(given))
            if more or len(after) > len(given):
                got = f"{len(after)} messages, {len(more)} of them new"
                raise subject.error("invents_no_message", given, got, "no more than was given at this stage")
        elif missing := set(_identities(given)) - set(_identities(after)):
            got = f"{len(missing)} messages are gone"
            raise subject.error("invents_no_message", given, got, "all that was given, and copies")
    return True


def tells_copies_apart(subject: FaultSubject) -> bool:
    """No two messages on a channel have the same `copy`, or they would share every later draw."""
    for given, after in subject.acted():
        here = _identities(after)
        if len(set(here)) < len(here):
            kind, channel, copy = next(message for message in here if here.count(message) > 1)
            got = f"channel {channel} holds copy {copy} of a {kind!r} more than once"
            raise subject.error("tells_copies_apart", given, got, "a `copy` of its own for each")
    return True


def keeps_the_order(subject: FaultSubject) -> bool:
    """Messages of a kind come back by channel: copies stand side by side, which is how a memory knows them."""
    for given, after in subject.acted():
        for piece in after.pieces():
            if (np.diff(piece.channel) < 0).any():
                got = f"{piece.kind.name!r} on channels {shown(piece.channel)}"
                raise subject.error("keeps_the_order", given, got, "ascending channels")
    return True


def leaves_payloads_alone(subject: FaultSubject) -> bool:
    """What was said arrives as it was said, unless corruption is the fault's stage."""
    if subject.fault.stage is Stage.CORRUPTION:
        return False
    for given, after in subject.acted():
        said = {message[:2]: row for message, row in zip(_identities(given), _payloads(given), strict=True)}
        for (kind, channel, _), row in zip(_identities(after), _payloads(after), strict=True):
            what = said.get((kind, channel))
            if what is not None and not same_bits(row, what):
                got = f"{kind!r} {shown(row)} on channel {channel}, where {shown(what)} was said"
                raise subject.error("leaves_payloads_alone", given, got, "payloads untouched")
    return True


def arrives_after_it_was_sent(subject: FaultSubject) -> bool:
    """No message is due before the tick after it was sent; one that arrives now is not put off."""
    for given, after in subject.acted():
        due, sent = after.due_ticks, given.batches[0].sent
        if len(due) and due.min() <= sent:
            got = f"a message due in tick {int(due.min())}"
            raise subject.error("arrives_after_it_was_sent", given, got, f"tick {sent + 1} or later")
        if not subject.sends:
            then = dict(zip(_identities(given), given.due_ticks.tolist(), strict=True))
            late = [k for k, d in zip(_identities(after), due.tolist(), strict=True) if then.get(k, d) != d]
            if late:
                got = f"a {late[0][0]!r} on channel {late[0][1]} with another due tick"
                raise subject.error("arrives_after_it_was_sent", given, got, "due ticks untouched on arrival")
    return True


def same_seed_same_fate(subject: FaultSubject) -> bool:
    """What becomes of a message follows from the seed, not from the past nor from another source of chance."""
    first = [_fates(after) for _, after in subject.acted()]
    again = FaultSchedule([subject.fault], subject.topology, subject.kinds, subject.seed)
    for given, fates in zip(reversed(subject.trials), reversed(first), strict=True):
        other = _fates(subject.act(given, again))
        if other != fates:
            raise subject.error(
                "same_seed_same_fate", given, f"the second time {_apart(fates, other)}", "the same fates"
            )
    return True


def luck_is_its_own(subject: FaultSubject) -> bool:
    """What becomes of a message does not depend on what is sent on other channels beside it."""
    rng = np.random.default_rng(subject.seed)
    for given, after in subject.acted():
        whole = _fates(after)
        channel = given.channel
        for channels in (channel[:1], channel[-1:], rng.choice(channel, len(given) // 2 + 1)):
            part = given.take(np.isin(channel, channels))
            alone, ours = _fates(subject.act(part)), set(channels.tolist())
            wanted = {message: fate for message, fate in whole.items() if message[1] in ours}
            if alone != wanted:
                got = f"among {len(part)} of them {_apart(wanted, alone)}"
                raise subject.error("luck_is_its_own", given, got, "the fates they have among all")
    return True


Message = tuple[str, int, int]
"""Kind, channel and copy: what tells a message from all others of its tick."""


def _identities(messages: Envelopes) -> list[Message]:
    kinds = messages.each([batch.kind.name for batch in messages.batches])
    return list(zip(kinds.tolist(), messages.channel.tolist(), messages.copies.tolist(), strict=True))


def _payloads(messages: Envelopes) -> list[np.ndarray]:
    return [row for piece in messages.pieces() for row in np.ascontiguousarray(piece.values)]


def _fates(messages: Envelopes) -> dict[Message, tuple[int, bytes]]:
    """Return, for each message that is left, when it is due and what it says."""
    values = [row.tobytes() for row in _payloads(messages)]
    fates = zip(messages.due_ticks.tolist(), values, strict=True)
    return dict(zip(_identities(messages), fates, strict=True))


def _apart(one: dict[Message, tuple[int, bytes]], two: dict[Message, tuple[int, bytes]]) -> str:
    message = min(key for key in one.keys() | two.keys() if one.get(key) != two.get(key))
    words = []
    for fates in (two, one):
        fate = fates.get(message)
        words.append("is gone" if fate is None else f"is due in tick {fate[0]}, saying {shown(np.frombuffer(fate[1]))}")
    kind, channel, copy = message
    return f"the {kind!r} on channel {channel}{' (a copy)' * bool(copy)} {words[0]}; before it {words[1]}"
