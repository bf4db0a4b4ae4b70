"""Loss: the right share of messages, each by a draw of its own."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from gridparley.environment.faults import Delay, Duplicate, Loss

from .conftest import envelopes, fates, send_through, topology

TOWN = topology("A-B B-C A-C", load=150)
ALL = len(TOWN.channels)


def kept(probability, tick, seed=1):
    """Tell which channels' messages are not lost."""
    mask = np.zeros(ALL, dtype=bool)
    mask[send_through([Loss(probability=probability)], TOWN, tick, seed).channel] = True
    return mask


@pytest.mark.parametrize("probability", [0.001, 0.1, 0.3, 0.5, 0.9, 0.999])
def test_the_share_of_lost_messages_is_the_probability(probability):
    lost = sum(int(np.count_nonzero(~kept(probability, tick))) for tick in range(25))
    # Seeds are fixed, so this can only fail when the draws change: then once in ten thousand.
    assert stats.binomtest(lost, 25 * ALL, probability).pvalue > 1e-4


def test_the_number_lost_on_each_channel_scatters_as_independent_draws_do():
    lost = sum((~kept(0.3, tick)).astype(int) for tick in range(100))
    seen = np.bincount(lost, minlength=101)
    # Chi-square over the bins that expect enough channels.
    wanted = ALL * stats.binom.pmf(np.arange(101), 100, 0.3)
    often = wanted > 5
    pool_seen = [*seen[often], seen[~often].sum()]
    pool_wanted = [*wanted[often], wanted[~often].sum()]
    assert stats.chisquare(pool_seen, pool_wanted).pvalue > 1e-4


def test_a_loss_tells_nothing_about_the_next_on_the_same_channel():
    now = np.concatenate([kept(0.5, tick) for tick in range(20)])
    later = np.concatenate([kept(0.5, tick) for tick in range(1, 21)])
    assert abs(np.corrcoef(now, later)[0, 1]) < 4 / np.sqrt(len(now))


def test_probability_0_loses_nothing_and_1_loses_everything():
    assert all(kept(0, tick).all() for tick in range(50))
    assert not any(kept(1, tick).any() for tick in range(50))


@pytest.mark.parametrize("draw", [0.0, np.nextafter(1, 0)])
def test_the_smallest_and_the_largest_draw_are_no_exceptions(draw):
    # They come up once in 2^53, so they are handed to the faults here.
    said, chance = envelopes(TOWN), lambda some: np.full(len(some), draw)
    assert len(Loss(probability=0).on_send(said, chance)) == ALL
    assert len(Loss(probability=1).on_send(said, chance)) == 0
    assert len(Duplicate(probability=0).on_send(said, chance)) == ALL
    assert len(Duplicate(probability=1).on_send(said, chance)) == 2 * ALL
    for high in (1, 2, 6, 99_999, 100_000):
        assert set(Delay(ticks=(0, high)).on_send(said, chance).due_ticks.tolist()) == {1 if draw == 0 else 1 + high}


def test_what_is_left_is_untouched():
    left = send_through([Loss(probability=0.5)], TOWN)
    assert 0 < len(left) < ALL
    assert left.piece(0).values.ravel().tolist() == left.channel.tolist()
    assert all(ticks in ([], [1]) for ticks in fates(left, TOWN).values())


def test_whoever_is_lost_at_a_low_probability_is_lost_at_a_higher_one():
    # One draw a message: so a sweep over probabilities compares like with like.
    assert not (kept(0.4, 3) & ~kept(0.2, 3)).any()


def test_another_seed_is_another_weather():
    assert not np.array_equal(kept(0.5, 0, seed=1), kept(0.5, 0, seed=2))
    assert np.array_equal(kept(0.5, 0, seed=1), kept(0.5, 0, seed=1))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan"), float("inf"), "often", None])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(ValidationError, match="probability"):
        Loss(probability=wrong)
