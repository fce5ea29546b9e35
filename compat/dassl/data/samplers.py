"""Orders in which a loader visits the images, by the config's SAMPLER name."""
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import RandomSampler, Sampler, SequentialSampler

from compat.errors import UserError

from ..utils.registry import check_availability
from .datasets.datum import Datum


class GroupSampler(Sampler[int]):
    """Fills each batch with equally many random images of some groups of images, such as classes or domains.

    An epoch ends when too few groups have images left. A group with too few for one batch repeats some.

    Args:
        groups: the group of each image. groups_per_batch: how many groups share a batch; 0 stands for all.
        per_group: images of a group in a batch; 0 stands for an equal share of ``batch_size``.
        in_order: take the groups in order instead of at random. generator: where the random numbers come from.
    """

    def __init__(self, groups: Sequence[int], batch_size: int, groups_per_batch: int, per_group: int, in_order: bool,
                 generator: torch.Generator) -> None:
        self.indices: dict[int, list[int]] = defaultdict(list)
        for index, group in enumerate(groups):
            self.indices[group].append(index)
        self.groups_per_batch = groups_per_batch or len(self.indices)
        self.per_group = per_group or batch_size // self.groups_per_batch
        self.in_order, self.generator = in_order, generator
        if self.groups_per_batch > len(self.indices):
            raise UserError(f"the sampler cannot fill a batch from {self.groups_per_batch} groups: the training images "
                            f"have {len(self.indices)}")
        if batch_size != self.groups_per_batch * self.per_group:
            raise UserError(f"the sampler cannot divide a batch of {batch_size} by {self.groups_per_batch} groups of "
                            f"{self.per_group}: choose another BATCH_SIZE")

    def __iter__(self) -> Iterator[int]:
        # Python's random numbers, which can sample from lists, from a number that the torch generator draws.
        rng = random.Random(int(torch.empty((), dtype=torch.int64).random_(generator=self.generator)))
        left = {group: self._chunks(self.indices[group], rng) for group in sorted(self.indices)}
        order: list[int] = []
        while len(left) >= self.groups_per_batch:
            for group in list(left) if self.in_order else rng.sample(list(left), self.groups_per_batch):
                order += left[group].pop()
            left = {group: chunks for group, chunks in left.items() if chunks}
        return iter(order)

    def _chunks(self, indices: list[int], rng: random.Random) -> list[list[int]]:
        """A group's indices in random order, in chunks for one batch each; what does not fill a chunk is left out."""
        indices = rng.sample(indices, len(indices))
        indices += rng.choices(indices, k=max(0, self.per_group - len(indices)))
        last = len(indices) - self.per_group
        return [indices[start:start + self.per_group] for start in range(0, last + 1, self.per_group)]

    def __len__(self) -> int:
        """Length of the coming epoch. It depends on the draw, so that is made here and the generator put back."""
        state = self.generator.get_state()
        length = sum(1 for _ in self)
        self.generator.set_state(state)
        return length


def build_sampler(sampler_type: str, cfg: object = None, data_source: Sequence[Datum] = (), batch_size: int = 32,
                  n_domain: int = 0, n_ins: int = 16, generator: torch.Generator | None = None) -> Sampler[int]:
    """Sampler over a list of ``Datum``.

    RandomDomainSampler fills a batch from ``n_domain`` random domains (0: all), SeqDomainSampler from all domains in
    order, RandomClassSampler from random classes with ``n_ins`` images each.

    Raises:
        UnknownNameError: there is no such sampler. UserError: it cannot fill batches of this size.
    """
    generator = generator or torch.Generator()
    labels, domains = [item.label for item in data_source], [item.domain for item in data_source]
    if sampler_type == "RandomClassSampler" and not 1 <= n_ins <= batch_size:
        raise UserError(f"RandomClassSampler needs BATCH_SIZE ({batch_size}) to be at least N_INS ({n_ins}) and N_INS "
                        "at least 1")
    makers = {
        "RandomSampler": lambda: RandomSampler(data_source, generator=generator),
        "SequentialSampler": lambda: SequentialSampler(data_source),
        "RandomDomainSampler": lambda: GroupSampler(domains, batch_size, max(n_domain, 0), 0, False, generator),
        "SeqDomainSampler": lambda: GroupSampler(domains, batch_size, 0, 0, True, generator),
        "RandomClassSampler": lambda: GroupSampler(labels, batch_size, batch_size // n_ins, n_ins, False, generator),
    }
    check_availability(sampler_type, list(makers), what="SAMPLER")
    return makers[sampler_type]()
