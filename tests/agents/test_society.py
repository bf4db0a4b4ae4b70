"""Societies: columns underneath, windows on top, and the same answer for one agent as for all."""

import numpy as np
import pytest

from gridparley.agents import (
    AgentError,
    Array,
    LogLoad,
    MicrogridOperator,
    Ports,
    Positive,
    Prosumer,
    Society,
    SquareRootLoad,
    StorageOperator,
    batched,
    within,
)
from gridparley.agents.batch import is_batched

from .conftest import ask, assert_same_bits, col


class Pipe(Society):
    """Has facts of every shape, and nothing to say."""

    weight: Positive
    profile: Array = 0.0
    size: Ports = 0.0


def pipes():
    return Pipe(
        names="abcd", ports=[2, 0, 1, 3], weight=[1, 2, 3, 4], profile=np.arange(8.0).reshape(4, 2), size=range(6)
    )


def test_rows_lie_flat_own_bus_first_then_ports():
    society = pipes()
    assert society.row_start.tolist() == [0, 3, 4, 6, 10]
    assert (len(society), society.rows, society.periods) == (4, 10, 2)
    assert society.own_rows.tolist() == [0, 3, 4, 6]
    assert society.port_rows.tolist() == [1, 2, 5, 7, 8, 9]


def test_rows_of_some_agents_come_in_their_order():
    society = pipes()
    assert society.rows_of(np.array([2, 0])).tolist() == [4, 5, 0, 1, 2]
    assert society.rows_of(np.array([3, 1, 0]), own=False).tolist() == [7, 8, 9, 1, 2]
    assert society.rows_of(np.array([], dtype=int)).tolist() == []


@pytest.mark.parametrize("k", [0, 1, 2, 3, -1])
def test_an_agent_is_a_window_on_its_row_and_no_second_copy(k):
    society = pipes()
    agent = society[k]
    assert len(agent) == 1
    assert agent.names == ("abcd"[k],)
    for name in ("weight", "profile"):
        assert np.shares_memory(getattr(agent, name), getattr(society, name))
    agent.weight[:] = 77
    agent.size[:] = 88
    assert society.weight[k, 0] == 77
    assert (society.size == 88).sum() == agent.port_count[0]


def test_writing_to_the_column_shows_in_the_window():
    society = pipes()
    agent = society[3]
    society.profile[3] = [50, 60]
    assert agent.profile.tolist() == [[50, 60]]


def test_a_window_of_a_window_is_still_a_window():
    society = pipes()
    inner = society.take(slice(1, 4))[1]
    assert inner.names == ("c",)
    assert inner.size.tolist() == [[2]]
    assert np.shares_memory(inner.weight, society.weight)


@pytest.mark.parametrize("k", [4, -5])
def test_an_agent_that_does_not_exist_is_an_index_error(k):
    with pytest.raises(IndexError, match=f"agent {k} of 4"):
        pipes()[k]


def test_a_society_can_be_gone_through():
    assert [agent.names[0] for agent in pipes()] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "which",
    [slice(1, 3), slice(2), slice(None), slice(3, 1), slice(0, 4, 2), slice(None, None, -1), [2, 0], [3, 3, 1], []],
)
def test_take_gives_every_agent_its_own_facts_and_ports(which):
    society = pipes()
    numbers = list(range(4))[which] if isinstance(which, slice) else which
    taken = society.take(which if isinstance(which, slice) else np.array(which, dtype=int))
    assert taken.names == tuple("abcd"[k] for k in numbers)
    assert taken.weight.ravel().tolist() == [k + 1 for k in numbers]
    assert taken.profile.tolist() == [[2 * k, 2 * k + 1] for k in numbers]
    ports = [[0, 1], [], [2], [3, 4, 5]]
    assert taken.size.ravel().tolist() == [port for k in numbers for port in ports[k]]
    assert taken.rows == len(numbers) + len(taken.size)


def test_what_is_taken_by_positions_is_a_copy():
    society = pipes()
    society.take(np.array([0])).weight[:] = 9
    assert society.weight[0, 0] == 1


@pytest.mark.parametrize("which", [[-1], [4]])
def test_a_position_that_does_not_exist_is_an_index_error(which):
    with pytest.raises(IndexError):
        pipes().take(np.array(which))


def test_stack_is_the_inverse_of_taking_apart():
    society = pipes()
    again = Pipe.stack([society[0], society.take(slice(1, 3)), society.take(np.array([3]))])
    for name in ("weight", "profile", "size", "row_start"):
        assert getattr(again, name).tolist() == getattr(society, name).tolist()
    assert again.names == society.names


def test_agents_with_different_periods_do_not_stack():
    with pytest.raises(AgentError, match=r"LogLoad: agents with \[1, 2\] periods in one society"):
        LogLoad.stack([LogLoad(beta=1, sigma=1, demand=1), LogLoad(beta=1, sigma=1, demand=[1, 2])])


def test_replace_exchanges_some_columns_and_leaves_the_society_alone():
    society = pipes()
    other = society.replace(weight=col(9, 9, 9, 9))
    assert other.weight.tolist() == [[9]] * 4
    assert society.weight.tolist() == [[1], [2], [3], [4]]
    assert np.shares_memory(other.size, society.size)
    assert other.names == society.names


def test_names_and_ports_must_agree():
    with pytest.raises(AgentError, match="Pipe: 2 names for 3 agents"):
        Pipe(names="ab", ports=[1, 1, 1], weight=1)


@pytest.mark.parametrize("ports", [[1, -1], [0.5], ["x"], [[1], [2]]])
def test_ports_are_whole_numbers_one_an_agent(ports):
    with pytest.raises(AgentError, match=r"Pipe: ports = .*wanted a whole number, 0 or more, for each agent"):
        Pipe(ports=ports, weight=1)


def test_ports_may_be_counted_in_any_kind_of_whole_number():
    society = Pipe(ports=np.array([2, 0, 1], dtype=np.uint8), weight=1)
    assert society.row_start.tolist() == [0, 3, 4, 6]
    assert society.row_start.dtype.kind == "i"
    assert len(Pipe(ports=[], weight=1)) == 0


def test_agents_without_names_are_numbered():
    assert Pipe(ports=[0, 0], weight=1).names == ("Pipe 0", "Pipe 1")


def test_an_agent_shows_its_facts_and_a_society_its_size():
    load = LogLoad(names=["A.load"], beta=2, sigma=0.5, demand=[1, 2, 3, 4, 5])
    assert repr(load) == "<A.load: LogLoad(beta=2, sigma=0.5, demand=[1, 2, 3, 4, ...])>"
    assert repr(pipes()) == "<Pipe society of 4>"
    assert repr(pipes()[2]) == "<c: Pipe(weight=3, profile=[4, 5], size=2)>"


def test_a_type_that_does_not_say_how_it_responds_says_so():
    society = pipes()
    with pytest.raises(NotImplementedError, match="Pipe does not say how it responds"):
        ask(society)
    with pytest.raises(NotImplementedError, match="Pipe does not say what it costs"):
        society.cost(np.zeros((10, 2)))


CALLS: list[tuple[int, tuple[int, ...]]] = []


class Fast(Prosumer):
    """Wants `comfort`; its body is marked as written for columns."""

    stiffness: Positive
    comfort: Array

    @batched
    def cost(self, x):
        return within(x, 0, np.inf, self.stiffness / 2 * (x - self.comfort) ** 2)

    @batched
    def respond(self, price, target, rho):
        CALLS.append((len(self), price.shape))
        return np.maximum(0, (self.stiffness * self.comfort + rho * target - price) / (self.stiffness + rho))


class Slow(Fast):
    """The same body, without the mark."""

    def cost(self, x):
        return super().cost(x)

    def respond(self, price, target, rho):
        return super().respond(price, target, rho)


def chance(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize(("kind", "calls"), [(Fast, [(5, (5, 3))]), (Slow, [(1, (1, 3))] * 5)])
def test_only_a_marked_body_sees_more_than_one_agent_at_a_time(kind, calls):
    CALLS.clear()
    ask(kind(names="abcde", stiffness=1, comfort=[1, 2, 3]))
    assert calls == CALLS


def test_one_agent_is_asked_once_marked_or_not():
    for kind in (Fast, Slow):
        CALLS.clear()
        ask(kind(stiffness=1, comfort=2))
        assert CALLS == [(1, (1, 1))]


def test_an_unmarked_body_gives_the_same_bits_as_a_marked_one():
    facts = {"names": "abcdefg", "stiffness": np.exp(chance(7)), "comfort": chance(7, 5, seed=1)}
    fast, slow = Fast(**facts), Slow(**facts)
    question = chance(7, 5, seed=2), chance(7, 5, seed=3), np.abs(chance(7, 1, seed=4))
    x = ask(fast, *question)
    assert_same_bits(ask(slow, *question), x)
    assert_same_bits(slow.cost(x), fast.cost(x))


def test_an_unmarked_body_sees_the_rows_of_its_own_ports():
    class Talker(Pipe):
        def respond(self, price, target, rho):
            assert len(price) == len(target) == len(rho) == self.rows == 1 + len(self.size)
            return price + self.weight

    society = Talker(names="abcd", ports=[2, 0, 1, 3], weight=[1, 2, 3, 4], periods=2)
    price = np.arange(20.0).reshape(10, 2)
    weights = np.repeat([1.0, 2, 3, 4], [3, 1, 2, 4])[:, None]
    assert ask(society, price).tolist() == (price + weights).tolist()


@pytest.mark.parametrize("method", ["respond", "cost", "slope"])
@pytest.mark.parametrize("kind", [SquareRootLoad, LogLoad, MicrogridOperator, StorageOperator])
def test_every_type_of_the_project_is_written_for_columns(kind, method):
    assert (kind is MicrogridOperator and method == "slope") or is_batched(getattr(kind, method))


def test_within_meets_limits_to_a_rounding_error_and_no_more():
    x = np.array([-1e-9, -1.1e-9, 1 + 1e-9, 1 + 1.1e-9, 0.5, np.nan])
    inside = within(x, 0.0, 1.0, np.zeros(6))
    assert inside.tolist() == [0, np.inf, 0, np.inf, 0, np.inf]


def test_within_scales_its_allowance_with_large_limits():
    x = np.array([1e6 + 0.9e-3, 1e6 + 1.1e-3, -1e6 - 0.9e-3, -1e6 - 1.1e-3])
    assert np.isfinite(within(x, -1e6, 1e6, np.zeros(4))).tolist() == [True, False, True, False]


def test_within_takes_infinite_limits():
    assert within(np.array([-1e300, 1e300]), -np.inf, np.inf, np.ones(2)).tolist() == [1, 1]
