"""Orders in which a loader visits the images, by the config's SAMPLER name."""
import random
from collections import defaultdict

import torch
from torch.utils.data import RandomSampler, Sampler, SequentialSampler

from compat.errors import UserError

from ..utils.registry import check_availability


class _GroupSampler(Sampler):
    """Base of samplers that fill each batch from groups of images.

    Args:
        key: function from a ``Datum`` to its group. groups_per_batch: 0 stands for all. generator: torch.Generator.
    """

    def __init__(self, data_source, key, batch_size, groups_per_batch, per_group, generator):
        self.indices = defaultdict(list)
        for index, item in enumerate(data_source):
            self.indices[key(item)].append(index)
        self.groups = sorted(self.indices)
        self.groups_per_batch = groups_per_batch or len(self.groups)
        self.per_group = per_group or batch_size // self.groups_per_batch
        self.generator = generator
        if self.groups_per_batch > len(self.groups):
            raise UserError(f"{type(self).__name__} cannot fill a batch from {self.groups_per_batch} groups: "
                            f"the training images have {len(self.groups)}")
        if batch_size != self.groups_per_batch * self.per_group:
            raise UserError(f"{type(self).__name__} cannot divide a batch of {batch_size} by {self.groups_per_batch} "
                            f"groups of {self.per_group}: choose another BATCH_SIZE")

    def _rng(self):
        """Python's random numbers from a number that the torch generator draws: those can shuffle and sample."""
        return random.Random(int(torch.empty((), dtype=torch.int64).random_(generator=self.generator)))

    def _choose(self, rng, groups):
        """The groups of the next batch, of those that have images left."""
        return rng.sample(groups, self.groups_per_batch)

    def _chunks(self, rng):
        """For each group a list of chunks of ``per_group`` indices, in random order."""
        chunks = {}
        for group in self.groups:
            indices = rng.sample(self.indices[group], len(self.indices[group]))
            if len(indices) < self.per_group:
                indices += rng.choices(indices, k=self.per_group - len(indices))
            whole = len(indices) - len(indices) % self.per_group
            chunks[group] = [indices[start:start + self.per_group] for start in range(0, whole, self.per_group)]
        return chunks

    def __iter__(self):
        rng = self._rng()
        chunks = self._chunks(rng)
        order = []
        left = list(self.groups)
        while len(left) >= self.groups_per_batch:
            for group in self._choose(rng, left):
                order += chunks[group].pop()
            left = [group for group in left if chunks[group]]
        return iter(order)

    def __len__(self):
        """Indices of the coming epoch. They depend on the draw, so it is made here and the generator put back."""
        state = self.generator.get_state()
        length = sum(1 for _ in self)
        self.generator.set_state(state)
        return length


class RandomDomainSampler(_GroupSampler):
    """Batches of ``n_domain`` random domains with equally many images of each."""

    def __init__(self, data_source, batch_size, n_domain, generator=None):
        super().__init__(data_source, lambda item: item.domain, batch_size, max(n_domain, 0), 0,
                         generator or torch.Generator())


class SeqDomainSampler(_GroupSampler):
    """Batches of all domains in order, with equally many random images of each."""

    def __init__(self, data_source, batch_size, generator=None):
        super().__init__(data_source, lambda item: item.domain, batch_size, 0, 0, generator or torch.Generator())

    def _choose(self, rng, groups):
        return groups


class RandomClassSampler(_GroupSampler):
    """Batches of random classes with ``n_ins`` images of each."""

    def __init__(self, data_source, batch_size, n_ins, generator=None):
        if n_ins < 1 or batch_size < n_ins:
            raise UserError(f"RandomClassSampler needs BATCH_SIZE ({batch_size}) to be at least N_INS ({n_ins}) and "
                            "N_INS at least 1")
        super().__init__(data_source, lambda item: item.label, batch_size, batch_size // n_ins, n_ins,
                         generator or torch.Generator())


def build_sampler(sampler_type, cfg=None, data_source=None, batch_size=32, n_domain=0, n_ins=16, generator=None):
    """Sampler over a list of ``Datum``; ``generator`` (torch.Generator) is where the random ones draw from.

    Raises:
        UnknownNameError: there is no such sampler. UserError: it cannot fill batches of this size.
    """
    makers = {
        "RandomSampler": lambda: RandomSampler(data_source, generator=generator or torch.Generator()),
        "SequentialSampler": lambda: SequentialSampler(data_source),
        "RandomDomainSampler": lambda: RandomDomainSampler(data_source, batch_size, n_domain, generator),
        "SeqDomainSampler": lambda: SeqDomainSampler(data_source, batch_size, generator),
        "RandomClassSampler": lambda: RandomClassSampler(data_source, batch_size, n_ins, generator),
    }
    check_availability(sampler_type, list(makers), what="SAMPLER")
    return makers[sampler_type]()
