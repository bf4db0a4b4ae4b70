"""Keyed chance: uniform, without state, and the same on every machine."""

import numpy as np
import pytest
from scipy import stats

from gridparley.environment.keys import mix, salt, text_key, uniform


def keys(n, seed=3):
    """Keys as channels have them: scrambled names."""
    return mix(np.arange(n, dtype=np.uint64) ^ np.uint64(seed))


def test_mix_is_the_finaliser_of_splitmix64():
    # The first outputs of SplitMix64 seeded with 1234567, as published with the reference implementation.
    start, step = 1234567, 0x9E3779B97F4A7C15
    seeds = np.array([(start + k * step) % 2**64 for k in range(3)], dtype=np.uint64)
    assert mix(seeds).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_mix_never_maps_two_keys_to_one():
    assert len(np.unique(mix(np.arange(100_000, dtype=np.uint64)))) == 100_000


def test_mix_leaves_its_input_alone():
    before = np.arange(5, dtype=np.uint64)
    mix(before)
    assert before.tolist() == [0, 1, 2, 3, 4]


def test_text_key_is_the_same_in_every_process():
    # Python's own hash() is salted anew in each process; this number must never change, or saved runs would.
    assert text_key("A.virtual") == 0x2E9C58A041DDC805
    assert text_key("A.virtual") != text_key("B.virtual")


@pytest.mark.parametrize(
    "other",
    [
        (2, "loss", 3),
        (
            1,
            "loss 3",
        ),
        (1, "los", "s3"),
        (1, "loss", 4),
        (1, 3, "loss"),
    ],
)
def test_salt_tells_seed_and_words_apart(other):
    assert salt(*other) != salt(1, "loss", 3)


def test_draws_are_uniform_over_channels():
    draws = uniform(keys(20_000) ^ salt(1, "loss", "price", 0))
    assert draws.min() >= 0
    assert draws.max() < 1
    assert stats.kstest(draws, "uniform").pvalue > 1e-3


def test_draws_are_uniform_over_ticks_on_one_channel():
    draws = np.concatenate([uniform(keys(1) ^ salt(1, "loss", "price", tick)) for tick in range(5_000)])
    assert stats.kstest(draws, "uniform").pvalue > 1e-3


def test_draws_are_uniform_over_copies_of_one_message():
    copies = mix(np.arange(5_000, dtype=np.uint64))
    draws = uniform(np.repeat(keys(1), 5_000) ^ salt(1, "loss", "price", 0) ^ copies)
    assert stats.kstest(draws, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("other", [salt(2, "a", 0), salt(1, "b", 0), salt(1, "a", 1)])
def test_streams_are_independent(other):
    one, two = uniform(keys(20_000) ^ salt(1, "a", 0)), uniform(keys(20_000) ^ other)
    assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(20_000)


def test_a_draw_does_not_depend_on_who_else_draws():
    every = uniform(keys(100) ^ salt(1, "loss"))
    some = uniform(keys(100)[[70, 3]] ^ salt(1, "loss"))
    assert some.tolist() == every[[70, 3]].tolist()


def test_the_original_has_the_draw_of_a_message_without_copies():
    zero = np.zeros(10, dtype=np.uint64)
    assert np.array_equal(uniform(keys(10) ^ salt(1) ^ zero), uniform(keys(10) ^ salt(1)))
