"""DDE-base: the right classes join a batch."""
import random

import pytest
import torch

from trainers.mao.hard_negatives import compose_labels, hard_negative_table


def ring(n):
    """Similarity of classes on a ring: the nearer, the more similar; ties go to the lower label."""
    distance = (torch.arange(n)[:, None] - torch.arange(n)[None]).abs()
    return -torch.minimum(distance, n - distance).float()


def test_the_table_holds_the_most_similar_classes_without_the_class_itself():
    assert hard_negative_table(ring(6), 3) == [[1, 5], [0, 2], [1, 3], [2, 4], [3, 5], [0, 4]]


def test_a_class_that_is_not_its_own_nearest_keeps_k_negatives():
    similarity = torch.tensor([[0.1, 0.9, 0.8, 0.7], [0.0, 1.0, 0.5, 0.4], [0, 0, 1, 0.5], [0, 0, 0.5, 1]])
    assert hard_negative_table(similarity, 3)[0] == [1, 2, 3]


def test_k_is_clipped_to_the_number_of_classes():
    with pytest.warns(UserWarning, match="TOPK 8 is more than the 3 classes"):
        table = hard_negative_table(ring(3), 8)
    assert table == [[1, 2], [0, 2], [0, 1]]


def test_no_class_joins_twice_and_anchors_count_from_the_start():
    table = hard_negative_table(ring(10), 4)
    added = compose_labels([0, 1, 0], table, random.Random(0))
    assert added[0][:2] == [9, 2] and 1 not in added[0]
    labels = [label for negatives in added for label in negatives]
    assert len(labels) == len(set(labels)) and not {0, 1} & set(labels)


def test_fill_up_to_two_reaches_every_class_and_stops_when_none_is_left():
    table = [[] for _ in range(4)]
    seen = {label for seed in range(50) for label in compose_labels([3], table, random.Random(seed))[0]}
    assert seen == {0, 1, 2}
    assert compose_labels([0, 1, 2, 3], table, random.Random(0)) == [[], [], [], []]
    assert sorted(sum(compose_labels([0, 1], table, random.Random(0)), [])) == [2, 3]


def test_a_batch_holds_at_most_b_times_k_images():
    table = hard_negative_table(torch.rand(40, 40, generator=torch.Generator().manual_seed(0)), 8)
    table = [row[:7] for row in table]
    for seed in range(20):
        rng = random.Random(seed)
        anchors = [rng.randrange(40) for _ in range(4)]
        added = compose_labels(anchors, table, rng)
        assert len(anchors) + sum(map(len, added)) <= 32
        assert all(len(negatives) >= 2 for negatives in added)
