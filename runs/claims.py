"""Checks before a run: what its command line claims of the folders that it names has to be what these say."""
from collections.abc import Mapping, Sequence

from yacs.config import CfgNode

from compat.errors import UserError
from compat.settings import differences, shown

from .identity import UNVERIFIED, Identity, facts_of
from .model_facts import read_facts
from .records import Record, settings_of
from .state import Run, done_key, key_in, read_run

# Classes that a model is tested on, of the data set that it was trained on, by the classes that it was trained on
TESTED_ON = {"all": ("all", "listed"), "base": ("base", "new", "listed"), "new": ("new", "listed"),
             "listed": ("listed",)}


def check_output(folder: str, identity: Identity) -> None:
    """Raise UserError if the output folder of a training holds another run."""
    there = key_in(folder)
    if there in (None, identity.digest):
        return
    run = read_run(folder)
    why = (differences(facts_of(run.identity), facts_of(identity)) if run is not None
           else "it does not say which, as in earlier versions or other repositories")
    raise UserError(f"--output-dir {folder!r} holds a run of another configuration ({why}): give another folder, or "
                    "delete this one")


def check_resumed(folder: str, identity: Identity) -> str:
    """The origin of a run that goes on from RESUME; UserError if that is another run."""
    run = read_run(folder)
    if run is None:
        print(f"RESUME {folder!r} does not say which run it is of: the results are recorded as unverified")
        return UNVERIFIED
    if run.identity.digest != identity.digest:
        why = differences(facts_of(run.identity), facts_of(identity))
        raise UserError(f"RESUME {folder!r} is of another run ({why}): give the folder of this one")
    return run.origin


def check_tested(folder: str, run: Run | None, cfg: CfgNode, identity: Identity, label: str) -> None:
    """Raise UserError if a test claims something else of the model in ``folder`` than that folder says.

    Args:
        run: what it says. identity: of the test. label: its data set's name in tables.
    """
    if run is None:
        print(f"--model-dir {folder!r} does not say which run it is of: what the command line says of it is recorded "
              "as unverified")
        return
    tested = run.identity
    if tested.task != "train":
        raise UserError(f"--model-dir {folder!r} is the folder of a test: give that of the training")
    if done_key(folder) != tested.digest and identity.epoch is None:
        raise UserError(f"--model-dir {folder!r} is of a run that has not come to its end: start it again, or choose a "
                        "checkpoint with --load-epoch")
    claimed = claims(identity, settings_of(cfg))
    for key, value in claims(tested, tested.settings).items():
        if key in claimed and claimed[key] != value:
            raise UserError(f"--model-dir {folder!r} is of a run with {key} {shown(value)}, not {shown(claimed[key])}: "
                            "correct the command line, or give the folder of another run")
    if tested.data["split"] == identity.data["split"] != "" or run.label == label:
        check_same_data(folder, tested, identity)


def claims(identity: Identity, settings: Mapping[str, object]) -> Record:
    """{key: value} in which a test and the run that is tested have to agree."""
    return {**{key: getattr(identity, key) for key in ("trainer", "seed", "shots", "stage", "clip", "arithmetic")},
            **{key: value for key, value in settings.items()
               if key.startswith(("TRAINER.", "MODEL.CLIP."))}}


def check_same_data(folder: str, tested: Identity, identity: Identity) -> None:
    """Raise UserError unless a model is tested on its data set as that was then, and on classes that fit its own."""
    if tested.data != identity.data:
        raise UserError(f"--model-dir {folder!r} was trained on other images or classes of {identity.data['name']} "
                        f"({differences(tested.data, identity.data)}): train again, or give the data back")
    if identity.classes not in TESTED_ON[tested.classes]:
        remedy = "DATASET.CLASSES to its list" if tested.classes == "listed" else "DATASET.SUBSAMPLE_CLASSES to " + \
            " or ".join(classes for classes in TESTED_ON[tested.classes] if classes != "listed")
        raise UserError(f"--model-dir {folder!r} was trained on {tested.classes} classes of {identity.data['name']}, "
                        f"so its accuracy on {identity.classes} classes would pass for another model's: set {remedy}")


def check_classes(folder: str, specific: str, classnames: Sequence[str]) -> None:
    """Raise UserError if a model that learns something of single classes is tested on others than it was trained on.

    Args:
        specific: what it learns, in words.
    """
    facts = read_facts(folder)
    if facts is not None and facts.classnames != list(classnames):
        raise UserError(f"the run in --model-dir {folder!r} has {specific}, and knows only those that it was trained "
                        "on: test it on its own classes, or another method")
