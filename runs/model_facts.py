"""What a run's folder says of its model beside ``run.json``, so that it can be used without data: ``model.json``."""
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from compat.errors import DamagedFileError
from compat.files import write_file

MODEL_FILE = "model.json"


@dataclass(frozen=True)
class ModelFacts:
    """What ``model.json`` says.

    Attributes:
        classnames: that the model tells apart, in label order. template: the data set's prompt; "" if it has none.
        backbone: MODEL.BACKBONE.NAME, its path absolute.
        base_run: folder of step 1 of MAO as seen from the run's own; "" if the run stands on none.
    """

    classnames: list[str]
    template: str = ""
    backbone: str = ""
    base_run: str = ""


def write_facts(folder: str, facts: ModelFacts) -> None:
    """Write ``model.json`` atomically; ``facts.base_run`` as seen from the working directory."""
    base_run = os.path.relpath(facts.base_run, folder) if facts.base_run else ""
    content = {**asdict(facts), "base_run": base_run}
    write_file(Path(folder) / MODEL_FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_facts(folder: str) -> ModelFacts | None:
    """What ``model.json`` in a folder says; None if there is none, as in runs of earlier versions.

    Raises:
        DamagedFileError: it cannot be read, or is not what was written.
    """
    path = Path(folder) / MODEL_FILE
    if not path.is_file():
        return None
    try:
        facts = ModelFacts(**json.loads(path.read_text(encoding="utf-8")))
        names = facts.classnames
        if not isinstance(names, list) or not all(
                isinstance(name, str) for name in [*names, facts.template, facts.backbone, facts.base_run]):
            raise ValueError("it holds something else than names")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DamagedFileError(f"{str(path)!r} does not say which classes the model tells apart ({error}): give the "
                               "names in a file (--classes), or delete it and run the training again") from error
    return facts
