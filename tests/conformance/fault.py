"""The contract of a fault."""

from __future__ import annotations

from collections.abc import Sequence

from ..environment import Kind, Topology
from ..environment.faults import Fault
from ..protocols import DualDecomposition
from . import fault_checks
from .error import passed
from .fault_subject import FaultSubject
from .market import three_microgrids

__all__ = ["FAULT_CHECKS", "check_fault"]

FAULT_CHECKS = (
    fault_checks.gives_back_envelopes,
    fault_checks.takes_no_messages,
    fault_checks.leaves_its_input_alone,
    fault_checks.invents_no_message,
    fault_checks.tells_copies_apart,
    fault_checks.keeps_the_order,
    fault_checks.leaves_payloads_alone,
    fault_checks.arrives_after_it_was_sent,
    fault_checks.same_seed_same_fate,
    fault_checks.luck_is_its_own,
)
"""Every check of a fault, in the order in which they are run; the first that fails is reported."""


def check_fault(
    fault: Fault,
    *,
    seed: int = 0,
    topology: Topology | None = None,
    kinds: Sequence[Kind] | None = None,
) -> list[str]:
    """Check that a fault keeps the contract of `Fault`: envelopes in, envelopes out, chance from its own stream alone.

    It is given messages of all kinds on all channels together, plain ones and such as other faults leave behind: copies,
    late ones, with shared payload rows.

    Parameters
    ----------
    fault
    seed : of the fault's draws and of the messages
    topology : by default three microgrids A, B and C, each with ``operator`` and ``load``; wanted for a fault whose
        scope names other agents
    kinds : by default those of dual decomposition, with two periods

    Returns
    -------
    names of the checks that it passed

    Raises
    ------
    ConformanceError
        A check failed: says which, on which messages, what became of them and what was wanted.
    FaultError
        The fault's scope names an agent, channel or kind that is not there.

    Examples
    --------
    >>> from gridparley.conformance import check_fault
    >>> from gridparley.environment.faults import Loss
    >>> "luck_is_its_own" in check_fault(Loss(probability=0.3))
    True
    """
    return passed(FAULT_CHECKS, fault_subject(fault, seed=seed, topology=topology, kinds=kinds))


def fault_subject(
    fault: object, *, seed: int = 0, topology: Topology | None = None, kinds: Sequence[Kind] | None = None
) -> FaultSubject:
    """Return what every check of a fault is given."""
    if not isinstance(fault, Fault):
        raise TypeError(f"{fault!r} is no fault: wanted an instance of a class derived from Fault")
    topology = three_microgrids().topology if topology is None else topology
    if kinds is None:
        labels = [[getattr(kind, name) for kind in topology.kinds] for name in ("ask", "answer")]
        kinds = tuple(DualDecomposition().kinds(2, *labels).values())
    subject = FaultSubject(fault, topology, kinds, seed)
    subject.schedule  # noqa: B018 - a scope that fits nothing is refused here
    return subject
