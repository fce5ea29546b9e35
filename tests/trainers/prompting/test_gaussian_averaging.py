"""Averaging of prompts over epochs beyond the recorded numbers."""
import time

import pytest
import torch

from trainers.prompting.gaussian_averaging import GaussianAverage, epoch_weights


def test_gaussian_average_survives_a_stop():
    states = [{"ctx": torch.randn(3)} for _ in range(4)]
    whole, part = GaussianAverage(4, 3, 1), GaussianAverage(4, 3, 1)
    for state in states:
        whole.add(state)
    for state in states[:2]:
        part.add(state)
    resumed = GaussianAverage(4, 3, 1)
    resumed.load_state_dict(part.state_dict())
    for state in states[2:]:
        resumed.add(state)
    assert resumed.complete and torch.equal(resumed.sum["ctx"], whole.sum["ctx"])


def test_weights_sum_to_one_where_the_centre_is_beyond_the_last_epoch():
    assert sum(epoch_weights(10, 15, 1)) == pytest.approx(1) and epoch_weights(10, 15, 1)[-1] > 0.99


def test_weights_of_many_epochs_take_no_time():
    start = time.process_time()
    assert sum(epoch_weights(10 ** 5, 10 ** 9, 1)) == pytest.approx(1)
    assert time.process_time() - start < 60  # minutes where it grows with the square
