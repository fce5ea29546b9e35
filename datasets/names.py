"""Which data sets the words of a command line mean."""
from collections.abc import Iterable

from dassl.data.datasets import DATASET_REGISTRY
from dassl.utils import get_most_similar_str_to_a_from_b

from compat.errors import UserError


def named_datasets(words: list[str], everything: Iterable[str]) -> list[str]:
    """Registered names of the data sets, given in any letter case; the word ``all`` alone stands for ``everything``.

    Raises:
        UserError: no data set has that name.
    """
    known = DATASET_REGISTRY.registered_names()
    if [word.lower() for word in words] == ["all"]:
        return [name for name in everything if name in known]
    by_lower = {name.lower(): name for name in known}
    for word in words:
        if word.lower() not in by_lower:
            raise UserError(f"data set {word!r} is unknown: did you mean "
                            f"{get_most_similar_str_to_a_from_b(word, known)!r}? Give all, or some of "
                            f"{', '.join(sorted(known))}")
    return [by_lower[word.lower()] for word in words]
