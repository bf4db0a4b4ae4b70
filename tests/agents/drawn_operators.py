"""Microgrid operators drawn by chance, with and without storage, and those of note 000."""

import numpy as np
from hypothesis import strategies as st

from gridparley.agents import LiteralStorageOperator, MicrogridOperator, StorageOperator

from .conftest import columns, frozen, numbers, questions


def note_000():
    """Operators A, B, C of note 000; A's ports lead to B and C, B's to A and C, C's to A and B."""
    pv = [0.5, 1.0, 1.0]
    neighbours = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    return MicrogridOperator(
        names="ABC",
        ports=[2, 2, 2],
        cost_quadratic=[10, 1, 1],
        cost_linear=1,
        power_max=40,
        pv=np.array(pv)[:, None],
        export_max=[[pv[own]] for own, _ in neighbours],
        import_max=[[pv[other]] for _, other in neighbours],
    )


@st.composite
def storages(draw, n):
    """Facts of any storages, full, empty and none at all among them."""
    low = draw(columns(n, 1, numbers(0.05, 0.5)))
    high = draw(columns(n, 1, numbers(0.5, 1, special=(1.0,))))
    return {
        "capacity_kwh": draw(columns(n, 1, numbers(0, 8, special=(0.0, 4.0)))),
        "soc_min": low,
        "soc_max": high,
        "soc": low + (high - low) * draw(columns(n, 1, numbers(0, 1))),
        "charge_max": draw(columns(n, 1, numbers(0, 3, special=(0.0, 1.0)))),
        "discharge_max": draw(columns(n, 1, numbers(0, 3, special=(0.0, 1.0)))),
        "kappa": draw(columns(n, 1, numbers(0.125, 4, special=(1.0,)))),
        "scale": draw(columns(n, 1, numbers(0.5, 4, special=(1.0,)))),
        "q": draw(columns(n, 1, numbers(0.05, 2, special=(0.5,)))),
        "hours": draw(columns(n, 1, st.sampled_from([1.0, 0.25]))),
    }


@st.composite
def societies(draw, most=4, fee=True, kind=MicrogridOperator):
    """Any operators; round numbers are frequent, so that limits, kinks and equal prices meet."""
    n, periods = draw(st.integers(1, most)), draw(st.integers(1, 2))
    ports = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    p = sum(ports)
    fees = columns(p, 1, st.just(0.0) | numbers(0, 2)) if fee else st.just(np.zeros((p, 1)))
    more = draw(storages(n)) if issubclass(kind, StorageOperator) else {}
    return frozen(
        kind(
            names=[f"operator {k}" for k in range(n)],
            ports=ports,
            periods=periods,
            cost_quadratic=draw(columns(n, 1, numbers(0.125, 10, special=(1.0,)))),
            cost_linear=draw(columns(n, 1, numbers(-1, 3))),
            power_max=draw(columns(n, 1, numbers(0, 40, special=(0.0, 1.0)))),
            pv=draw(columns(n, periods, numbers(0, 4, special=(0.0,)))),
            alpha=draw(columns(p, 1, numbers(0.05, 2, special=(0.05, 0.5)))),
            export_max=draw(columns(p, periods, numbers(0, 4, special=(0.0,)))),
            import_max=draw(columns(p, periods, numbers(0, 4, special=(0.0,)))),
            transfer_cost=draw(fees),
            **more,
        )
    )


KINDS = [MicrogridOperator, StorageOperator, LiteralStorageOperator]


@st.composite
def asked(draw, most=4, kinds=(MicrogridOperator,)):
    society = draw(societies(most, kind=draw(st.sampled_from(kinds))))
    return society, draw(questions(society.rows, society.periods))


def random_society(n=8, periods=2, seed=5, fee=1.0):
    """Operators with 0 to 3 ports and uneven numbers."""
    rng = np.random.default_rng(seed)
    ports = np.arange(n) % 4
    p = int(ports.sum())
    return MicrogridOperator(
        names=[str(k) for k in range(n)],
        ports=ports,
        cost_quadratic=rng.uniform(0.5, 5, n),
        cost_linear=rng.uniform(-1, 2, n),
        power_max=rng.uniform(0.5, 3, n),
        pv=rng.uniform(0, 3, (n, periods)),
        alpha=rng.uniform(0.05, 1, (p, 1)),
        export_max=rng.uniform(0, 2, (p, periods)),
        import_max=rng.uniform(0, 2, (p, periods)),
        transfer_cost=fee * rng.uniform(0, 1, (p, 1)),
    )
