"""Checks of what roles hear and say, one agent at a time, on a recorded run."""

from __future__ import annotations

import numpy as np

from ..error import shown
from ..fingerprint import same_bits
from .protocol_runs import ProtocolSubject
from .replay import replay, told_facts

__all__ = [
    "hearing_only_writes",
    "knows_only_what_it_heard",
    "payloads_are_finite",
    "payloads_stay_as_said",
    "speaks_for_itself",
    "tells_no_private_fact",
]

GIVEN = "a run with loss, delay and duplicates, a role for each agent"


def hearing_only_writes(subject: ProtocolSubject) -> bool:
    """Hearing changes a role's memory and nothing else about it."""
    for role, meddling in zip(subject.recording.roles, subject.recording.meddling, strict=True):
        if meddling is not None:
            tick, names = meddling
            got = f"{type(role).__name__}.hear changed {', '.join(names)} in tick {tick}"
            raise subject.error("hearing_only_writes", GIVEN, got, "memory written, all else done when speaking")
    return True


def speaks_for_itself(subject: ProtocolSubject) -> bool:
    """A role of one agent sends in that agent's name only."""
    name = subject.market.topology.name
    for role, senders in zip(subject.recording.roles, subject.recording.senders, strict=True):
        if len(senders) > 1:
            got = f"{type(role).__name__} sent as {', '.join(map(name, sorted(senders)))}"
            raise subject.error("speaks_for_itself", GIVEN, got, "one sender a role")
    return True


def payloads_are_finite(subject: ProtocolSubject) -> bool:
    """No payload holds NaN or infinity."""
    for said in subject.recording.said:
        for tick, batch, values in said:
            for field in batch.kind.fields:
                part = values[:, batch.kind.part(field.name)]
                if not np.isfinite(part).all():
                    got = f"tick {tick}: {batch.kind.name!r} says {field.name} = {shown(part[~np.isfinite(part)][0])}"
                    raise subject.error("payloads_are_finite", GIVEN, got, "finite numbers; receivers refuse others")
    return True


def payloads_stay_as_said(subject: ProtocolSubject) -> bool:
    """What was said stays: messages in flight share the sender's array, which nobody may write to afterwards."""
    for said in subject.recording.said:
        for tick, batch, values in said:
            if not same_bits(values, batch.values):
                row = int(np.argmax((values != batch.values).any(axis=1)))
                got = f"tick {tick}: {batch.kind.name!r} said {shown(values[row])}, now {shown(batch.values[row])}"
                raise subject.error("payloads_stay_as_said", GIVEN, got, "a new array for each change")
    return True


def tells_no_private_fact(subject: ProtocolSubject) -> bool:
    """No payload holds a fact of its sender, but for those in `may_tell`."""
    if (leak := told_facts(subject.recording, subject.may_tell)) is not None:
        raise subject.error("tells_no_private_fact", GIVEN, leak, "answers and prices; facts stay at home")
    return True


def knows_only_what_it_heard(subject: ProtocolSubject) -> bool:
    """The locality replay: each agent alone, among strangers, hearing the same, says the same to the last bit."""
    recording = subject.recording
    for k, role in enumerate(recording.roles):
        if (difference := replay(recording, subject.protocol, k)) is not None:
            who = ", ".join(map(subject.market.topology.name, sorted(recording.senders[k])))
            given = f"what {who} ({type(role).__name__}) heard, in a market where all others have other private facts"
            raise subject.error("knows_only_what_it_heard", given, difference, "the same to the last bit")
    return True
