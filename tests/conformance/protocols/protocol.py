"""The contract of a protocol."""

from __future__ import annotations

from collections.abc import Collection

from ...protocols import Market, Protocol
from ..error import passed
from ..market import three_microgrids
from . import protocol_runs, protocol_words
from .protocol_runs import ProtocolSubject

__all__ = ["PROTOCOL_CHECKS", "check_protocol"]

PROTOCOL_CHECKS = (
    protocol_runs.messages_are_allowed,
    protocol_runs.stops_without_faults,
    protocol_runs.same_seed_same_run,
    protocol_runs.order_of_roles_changes_nothing,
    protocol_runs.batch_equals_one_by_one,
    protocol_runs.hearing_twice_changes_nothing,
    protocol_words.hearing_only_writes,
    protocol_words.speaks_for_itself,
    protocol_words.payloads_are_finite,
    protocol_words.payloads_stay_as_said,
    protocol_words.tells_no_private_fact,
    protocol_words.knows_only_what_it_heard,
    protocol_runs.survives_duplicates,
    protocol_runs.survives_loss,
    protocol_runs.survives_delay,
    protocol_runs.survives_everything_together,
)
"""Every check of a protocol, in the order in which they are run; the first that fails is reported."""


def check_protocol(
    protocol: Protocol,
    *,
    market: Market | None = None,
    seed: int = 0,
    ticks: int = 5000,
    may_tell: Collection[str] = (),
) -> list[str]:
    """Check that a protocol keeps the contract of `Role` and ends where it should, whatever the messages do.

    Messages are lost, late and doubled, alone and together, which must cost time but not move the result. Hearing must
    only write, speaking must not depend on who speaks first or on how agents are split among roles, and no agent may
    know more than its own facts and what it heard: fed its recorded messages in a market where all other agents have
    other private facts, it must say the same to the last bit.

    Parameters
    ----------
    protocol
    market : what to run it on; by default the three microgrids of note 000
    seed : of the faults
    ticks : how many a run may take until every virtual agent has stopped
    may_tell : names of facts that the protocol's messages carry on purpose

    Returns
    -------
    names of the checks that it passed

    Raises
    ------
    ConformanceError
        A check failed: says which, in which run, what happened and what was wanted.

    Examples
    --------
    >>> from gridparley.conformance import check_protocol
    >>> from gridparley.protocols import DualDecomposition
    >>> "survives_loss" in check_protocol(DualDecomposition(eps_abs=1e-3, eps_rel=1e-3))
    True
    """
    if not isinstance(protocol, Protocol):
        raise TypeError(f"{protocol!r} is no protocol: wanted an instance of a class derived from Protocol")
    market = three_microgrids() if market is None else market
    return passed(PROTOCOL_CHECKS, ProtocolSubject(protocol, market, seed, ticks, frozenset(may_tell)))
