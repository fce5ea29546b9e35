"""What stays of a run's state when its training has ended: facts from which more epochs can follow its checkpoints."""
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from compat.errors import DamagedFileError
from compat.files import write_file
from compat.settings import differences

FILE_NAME = "train_finished.json"


@dataclass(frozen=True)
class Finished:
    """A training that has come to its end.

    Attributes:
        config: as of ``train_state.settings_of``. best_result: by validation, in per cent; None without.
        base_seed: SEED, or the number that was drawn for the run.
    """

    config: dict[str, str]
    best_result: float | None
    base_seed: int


def write_finished(folder: str, facts: Finished) -> None:
    write_file(os.path.join(folder, FILE_NAME), json.dumps(asdict(facts), indent=1) + "\n")


def read_finished(folder: str) -> Finished | None:
    """The facts of the training whose checkpoints lie in an output folder; None if it does not hold them.

    Raises:
        DamagedFileError: the file is damaged.
    """
    path = os.path.join(folder, FILE_NAME)
    if not os.path.isfile(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            facts = Finished(**json.load(file))
        if not (isinstance(facts.config, dict) and type(facts.base_seed) is int
                and isinstance(facts.best_result, (float, int, type(None)))):
            raise ValueError("an entry is of another kind")
    except (ValueError, TypeError) as error:
        raise DamagedFileError(f"{path!r} is damaged ({type(error).__name__}): delete it to start anew") from error
    return facts


def check_same_run(path: str, there: Mapping[str, object], here: Mapping[str, object]) -> None:
    """Raise DamagedFileError if two configurations differ in more than the number of epochs, which may grow.

    Args:
        path: the file that ``there`` is from. here: the configuration of this run.
    """
    there, here = _but_length(there), _but_length(here)
    why = differences(there, here, show=str)
    if why:
        raise DamagedFileError(f"{path!r} is of a run with another configuration ({why}): give another output folder, "
                               "or delete the file to start anew")


def _but_length(settings: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in settings.items() if key.rpartition(".")[2] != "MAX_EPOCH"}
