"""Read the few-shot draws that CoOp-family repositories left in a data root: pickles of Dassl's Datum objects.

A pickle can run any code when it is loaded, so these are loaded by an unpickler that knows one class only. Their paths
are absolute, often of another machine: an image is found by the end of its path.
"""
import io
import pickle
import pickletools
from collections.abc import Iterable
from pathlib import Path

from .plain_files import read_plain
from .split_file import Item, as_item, group_by_label, shown

DATUM = ("dassl.data.datasets.base_dataset", "Datum")


class PickledDatum:
    """What a pickled Datum is loaded as; its state has _domain and _classname, too."""

    _impath: str
    _label: int


class DatumUnpickler(pickle.Unpickler):
    """Loads Datum objects in lists and dicts, and refuses everything else."""

    def find_class(self, module: str, name: str) -> type[PickledDatum]:
        if (module, name) == DATUM:
            return PickledDatum
        raise pickle.UnpicklingError(f"it holds {module}.{name}")

    def persistent_load(self, pid: object) -> None:
        raise pickle.UnpicklingError("it holds a persistent id")


def read_pickled_draw(path: Path, train: list[Item], val: list[Item],
                      shots: int) -> tuple[list[Item] | None, list[Item] | None]:
    """The draw in a pickle ``shot_<k>-seed_<s>.pkl`` of the originals, as items of the present split.

    Args:
        path: the pickle. train, val: items of the split. shots: images per class that the draw has to have.

    Returns:
        (drawn train items, drawn validation items); the latter is None if the pickle has none. None for both if there
        is no such file, or if it does not fit the split, which is said in a line.
    """
    try:
        pickled = read_plain(path)
        check_sizes(pickled)
        content = DatumUnpickler(io.BytesIO(pickled)).load()
        drawn = {part: [as_item([datum._impath, datum._label, ""])[:2] for datum in content[part]]
                 for part in ("train", "val") if part in content}
        return (present_items(drawn["train"], train, shots),
                present_items(drawn["val"], val, None) if "val" in drawn else None)
    except FileNotFoundError:
        return None, None
    except Exception as error:  # a damaged or hostile pickle can raise anything
        print(f"the few-shot draw {path} is not used ({type(error).__name__}: {error}): drawn anew")
        return None, None


def check_sizes(pickled: bytes) -> None:
    """Raise ValueError for a pickle that claims more than it holds: loading it could take all memory."""
    for operation, argument, _ in pickletools.genops(pickled):
        if operation.name in ("PUT", "LONG_BINPUT") and not 0 <= int(argument or 0) <= len(pickled):
            raise ValueError(f"it has the memo index {argument}")


def present_items(drawn: Iterable[tuple[str, int]], items: list[Item], shots: int | None) -> list[Item]:
    """Find (path, label) pairs among items by the end of the path; ValueError if one is not there.

    ``shots``: how many there have to be per class (all of a class that has fewer); None if any number will do.
    """
    by_path = {item[0]: item for item in items}
    found = []
    for path, label in drawn:
        parts = str(path).replace("\\", "/").split("/")
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        item = next((by_path[tail] for tail in tails if tail in by_path), None)
        if item is None or item[1] != label:
            raise ValueError(f"{shown(path)} with label {label} is not in the present split")
        found.append(item)
    if shots is not None:
        wanted = {label: min(shots, len(group)) for label, group in group_by_label(items).items()}
        if {label: len(group) for label, group in group_by_label(found).items()} != wanted:
            raise ValueError(f"it does not hold {shots} images of each class")
    return found
