"""What a run is: everything that can change its numbers. Where its data, its CLIP or its output lie does not count."""
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from yacs.config import CfgNode

from .records import Record, settings_of

ARITHMETIC = 2  # goes up when a change of the code changes numbers
UNVERIFIED = "unverified"
BACKBONE = "MODEL.BACKBONE.NAME"
FILES = ("MODEL.INIT_WEIGHTS", "MAO.SIMILARITY", "DATASET.CLASSES")  # may name a file, whose contents count then

# What a test takes over from the run that is tested, beside what has to agree with it anyway.
OF_TRAINING = ("TRAINER.", "MODEL.", "MAO.", "OPTIM.", "TRAIN.", "DATALOADER.TRAIN_X.", "DATALOADER.TRAIN_U.",
               "TEST.FINAL_MODEL")


@dataclass(frozen=True)
class Identity:
    """A run of train.py.

    Attributes:
        stage: step of MAO, "base" or "new"; "" without MAO. task: "train" or "test".
        epoch: the one whose checkpoint is tested; None for the best or the last.
        data: name of the data set, and digests of its whole split with its images and of the names of all classes.
        clip: SHA-256 of CLIP's weights. files: {key: SHA-256} of the files that other config keys name.
        settings: flat config. parent: digest of the run that step 2 or a test stands on; "" for none, "unverified"
            where its folder does not say which run it was. checkpoints: then tells these from others.
        arithmetic: ARITHMETIC of the code.
    """

    trainer: str
    seed: int
    shots: int
    classes: str
    stage: str
    task: str
    epoch: int | None
    data: dict[str, str]
    clip: str
    files: dict[str, str]
    parent: str
    checkpoints: str
    arithmetic: int
    settings: Record

    @property
    def digest(self) -> str:
        """SHA-256, as hex digits."""
        named = {*self.files, *([BACKBONE] if self.clip else [])}  # files by their contents, not by their names
        settings = {key: value for key, value in self.settings.items() if key not in named}
        return hashlib.sha256(json.dumps({**asdict(self), "settings": settings}, sort_keys=True).encode()).hexdigest()


def identity_of(cfg: CfgNode, data: Mapping[str, str], test: bool = False, epoch: int | None = None,
                parent: Identity | str = "", checkpoints: str = "") -> Identity:
    """The identity of a run with a config; see ``Identity``.

    Args:
        data: of ``runs.data.data_on_disk``. test: whether it tests the model of another run.
        parent: the run that it stands on, or what is known of it.
    """
    from trainers.prompting.clip_digest import file_digest, weights_digest

    settings = settings_of(cfg)
    files = {key: digest for key in FILES if (digest := file_digest(str(settings.get(key, ""))))}
    clip = weights_digest(cfg.MODEL.BACKBONE.NAME)
    if test and isinstance(parent, Identity):
        settings = {key: value for one, taken in ((settings, False), (parent.settings, True))
                    for key, value in one.items() if key.startswith(OF_TRAINING) == taken}
        files = {key: value for one, taken in ((files, False), (parent.files, True))
                 for key, value in one.items() if key.startswith(OF_TRAINING) == taken}
    return Identity(cfg.TRAINER.NAME, cfg.SEED, cfg.DATASET.NUM_SHOTS, classes_of(cfg), stage_of(cfg),
                    "test" if test else "train", epoch, dict(data), clip, files,
                    parent.digest if isinstance(parent, Identity) else parent, checkpoints, ARITHMETIC, settings)


def classes_of(cfg: CfgNode) -> str:
    """Which classes a run sees: "all", "base", "new", or "listed" in a file (DATASET.CLASSES)."""
    return "listed" if cfg.DATASET.get("CLASSES", "") else cfg.DATASET.SUBSAMPLE_CLASSES


def stage_of(cfg: CfgNode) -> str:
    """The step of MAO that a run is; "" without MAO."""
    from dassl.engine import TRAINER_REGISTRY

    from trainers.mao.config import stage

    return stage(cfg) if hasattr(TRAINER_REGISTRY.get(cfg.TRAINER.NAME), "mao_stage") else ""


def facts_of(identity: Identity) -> Record:
    """All of an identity as flat keys."""
    nested = {**asdict(identity), "settings": {}}
    flat: Record = {key: value for key, value in nested.items() if not isinstance(value, dict)}
    flat.update({f"{key}.{name}": value for key in ("data", "files") for name, value in nested[key].items()})
    return {**flat, **identity.settings}
