"""What every data set of the CoOp family shares: split, few-shot draws, base and new classes.

A data set's own file then names its folders and holds what is special about it.
"""
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dassl.data.datasets import DATASET_REGISTRY, DatasetBase, Datum
from yacs.config import CfgNode

from compat.errors import UserError

from .places import find_folder
from .splits.base_new import SUBSAMPLES, subsample_classes
from .splits.checks import check_labels, check_paths, note_on_names, summary
from .splits.class_list import listed_classes
from .splits.few_shot import cached_draw, short_classes
from .splits.given_split import given_path, given_split
from .splits.images import check_images
from .splits.own_split import SEED, class_folder_items, own_split, split_in_three
from .splits.scan import list_images
from .splits.split_file import PARTS, Parts, Split, digest_of, read_split, shown

LONGEST_LABEL, LONGEST_TEMPLATE = 60, 200  # characters

Options = Mapping[str, Any]
"""The config node DATASET, or those of its keys that are not to have their defaults."""


@dataclass
class Reading:
    """A data set as it lies on disk, before draws and class halves.

    Attributes:
        name: the data set's name. folder: its folder. images: the folder that paths of items are relative to.
        parts, official, everything: as in ``Split``. split_digest: its digest.
    """

    name: str
    folder: Path
    images: Path
    parts: Parts
    split_digest: str
    official: bool
    everything: Sequence[str] = ()

    @property
    def class_names(self) -> list[str]:
        """Names of all classes in label order."""
        names = {label: name for part in PARTS for _, label, name in self.parts[part]}
        return [names[label] for label in sorted(names)]

    @property
    def class_names_digest(self) -> str:
        """SHA-256, as hex digits, of the names of all classes in label order."""
        return digest_of(self.class_names)


class FewShotDataset(DatasetBase):
    """A data set with a split, cut down by DATASET.NUM_SHOTS, then by DATASET.SUBSAMPLE_CLASSES or DATASET.CLASSES.

    DATASET.SPLIT_FILE takes the place of its split, DATASET.TEMPLATE that of its template. With DATASET.ALL_VAL,
    DATASET.NUM_SHOTS leaves the validation images as they are.

    Class attributes, set by the data sets:
        dataset_dir: folder under DATASET.ROOT.
        image_dir: folder in it that the paths of the split are relative to.
        split_file: name of the official split file in ``dataset_dir``.
        template: hand-written prompt; ``{}`` stands for the class name.
        renamed: {class name as in the files: class name to use}.
        test_only: whether it has no images to train on. Its test items then are its training items too, as in the
            originals, so that class names are known; DATASET.NUM_SHOTS does not matter.
        listed: whether its items come from a listing of the folders, so that they are known to exist.
        draws_dir: folder in ``dataset_dir`` that few-shot draws are kept in.
        seeded: whether it is split here, with DATASET.SPLIT_SEED. has_domains: whether the config may name domains.

    Attributes:
        root: DATASET.ROOT as a path (default ``./data``). folder: the data set's folder in it.
        name, split_digest, class_names_digest: as in ``Reading``: of the whole data set, before draws and class halves.
        label: the name in tables: DATASET.LABEL, or the name (of ImageFolder, its folder's).

    Raises:
        UserError: a bad value in the config, or files that are missing, damaged or do not fit together.
    """

    dataset_dir: str
    image_dir: str = "images"
    split_file: str = ""
    template: str = "a photo of a {}."
    renamed: Mapping[str, str] = {}
    test_only: bool = False
    listed: bool = False
    draws_dir: str = "split_fewshot"
    seeded: bool = False
    has_domains: bool = False

    def __init__(self, cfg: CfgNode) -> None:
        options = cfg.DATASET
        check_options(options, self.has_domains)
        self.template = options.get("TEMPLATE", "") or self.template
        self.root = data_root(options.ROOT)
        reading = self.read(self.root, options)
        self.name, self.folder = reading.name, reading.folder
        self.label = table_label(options.get("LABEL", ""), reading.name) or self.own_label()
        self.split_digest, self.class_names_digest = reading.split_digest, reading.class_names_digest
        parts = dict(reading.parts)
        if self.test_only:
            parts["train"] = parts["test"]
        elif options.NUM_SHOTS > 0:
            self.draw(parts, options.NUM_SHOTS, cfg.SEED)
        if options.get("ALL_VAL", False):
            parts["val"] = reading.parts["val"]
            if not parts["val"]:
                raise UserError(f"DATASET.ALL_VAL is True, but {reading.name} has no validation images: leave it out, "
                                "or choose another data set")
        parts = subsample_classes(parts, options.SUBSAMPLE_CLASSES)
        if options.get("CLASSES", ""):
            parts = listed_classes(parts, options.CLASSES)
        names = {label: name for _, label, name in parts["train"]}
        if len(names) < 2:
            raise UserError(f"{reading.name} has {len(names)} class where DATASET.SUBSAMPLE_CLASSES is "
                            f"{options.SUBSAMPLE_CLASSES!r}: a classifier needs at least two")
        if note := note_on_names(names.values()):
            print(note)
        if not self.listed:
            check_images(reading.images, [path for part in PARTS for path, _, _ in parts[part]])
        prefix = f"{reading.images}/"
        data = {part: [Datum(prefix + path, label, self.domain_of(path, part), name)
                       for path, label, name in parts[part]] for part in PARTS}
        super().__init__(train_x=data["train"], val=data["val"], test=data["test"])

    @classmethod
    def read(cls, root: Path | str, options: Options | None = None) -> Reading:
        """Read the data set below a data root, without looking at single images.

        Args:
            options: SPLIT_FILE, SPLIT_SEED, SOURCE_DOMAINS and TARGET_DOMAINS count.

        Raises:
            UserError: files are missing, damaged or do not fit together.
        """
        folder = data_root(root) / cls.dataset_dir
        options = options or {}
        given = given_path(options["SPLIT_FILE"]) if options.get("SPLIT_FILE") else None
        seed = options.get("SPLIT_SEED", SEED)
        if seed != SEED and not (cls.seeded or given):
            raise UserError(f"DATASET.SPLIT_SEED is {seed}, but the split of {cls.__name__} is fixed: leave it out")
        source = given or folder / cls.split_file
        try:
            cls.prepare(folder)
            split = given_split(given, seed) if given else cls.read_parts(folder, options)
        except OSError as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"cannot read {error.filename or str(folder)!r} ({error.strerror or error}): make it "
                            "readable, or correct --root (DATASET.ROOT)") from error
        parts = split.parts
        if cls.renamed:
            parts = {part: [(path, label, cls.renamed.get(name, name)) for path, label, name in items]
                     for part, items in parts.items()}
        check_labels(parts, source, cls.test_only)
        if given or not cls.listed:
            check_paths(parts, source)
        return Reading(cls.__name__, folder, folder / cls.image_dir, parts, split.digest, split.official,
                       split.everything)

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """Make sure that the data set's folder is there."""
        find_folder(cls.__name__, folder)

    @classmethod
    def read_parts(cls, folder: Path, options: Options) -> Split:
        """The split of the data set in a folder; here that of the official file."""
        return read_split(folder / cls.split_file)

    def own_label(self) -> str:
        """Name in tables where DATASET.LABEL gives none."""
        return self.name

    def domain_of(self, path: str, part: str) -> int:
        """Number of the domain of an image among the source domains or, of a test image, among the target domains."""
        return 0

    def draw(self, parts: Parts, shots: int, seed: int) -> None:
        """Replace the train and validation items of ``parts`` by the few-shot draw of a seed."""
        few = short_classes(parts["train"], shots)
        if few:
            print(f"fewer than {shots} training images, so all are taken: {summary(few)}")
        parts["train"], parts["val"] = cached_draw(
            parts["train"], parts["val"], shots, seed, self.folder / self.draws_dir, self.draw_digest())

    def draw_digest(self) -> str:
        """Digest of what few-shot draws are made from."""
        return self.split_digest


class SplittableDataset(FewShotDataset):
    """Is split from its raw files, with a fixed seed, where the official split file is missing."""

    @classmethod
    def read_parts(cls, folder: Path, options: Options) -> Split:
        if (folder / cls.split_file).exists():
            return super().read_parts(folder, options)
        return own_split(cls.__name__, folder, cls.split_file, cls.build_split)

    @classmethod
    def build_split(cls, folder: Path) -> Parts:
        """Make the parts from the raw files of the folder."""
        raise NotImplementedError


class ClassFolderDataset(SplittableDataset):
    """Has one folder of images per class, named like the class. ``ignored``: folders that are no class."""

    ignored: tuple[str, ...] = ()

    @classmethod
    def build_split(cls, folder: Path) -> Parts:
        return split_in_three(class_folder_items(list_images(folder / cls.image_dir), cls.ignored))


def data_identity(dataset: DatasetBase | Reading) -> dict[str, str]:
    """What tells a data set from others, wherever it lies: ``name``, and digests of its ``split`` and its ``classes``.

    Args:
        dataset: a built data set, or what ``read`` gives. One that is not of this package has empty digests.
    """
    return {"name": getattr(dataset, "name", type(dataset).__name__),
            "split": getattr(dataset, "split_digest", ""), "classes": getattr(dataset, "class_names_digest", "")}


def data_root(root: Path | str) -> Path:
    """DATASET.ROOT as an absolute path; ``./data`` where it is empty."""
    if "\0" in str(root):
        raise UserError(f"DATASET.ROOT {str(root)!r} is no path: give the folder of the data sets")
    try:
        return Path(os.path.expanduser(root or "data")).absolute()
    except OSError as error:
        raise UserError(f"the present folder is gone ({error.strerror}): change to another one, or give --root "
                        "(DATASET.ROOT) an absolute path") from error


def table_label(label: str, name: str) -> str:
    """DATASET.LABEL without blanks around it; UserError if a table cannot show it, or it means another data set."""
    if len(label) > LONGEST_LABEL or not label.isprintable() or label.strip().lower() in other_names(name):
        raise UserError(f"DATASET.LABEL {shown(label)} is too long, has control characters or is another data set's "
                        "name: give a short name of its own")
    return label.strip()


def other_names(name: str) -> set[str]:
    """Names of all data sets but one, in small letters."""
    return {known.lower() for known in DATASET_REGISTRY.registered_names()} - {name.lower()}


def check_options(options: CfgNode, has_domains: bool = False) -> None:
    """Raise UserError for a value of the config node DATASET that a data set cannot work with."""
    if options.NUM_SHOTS < -1 or options.NUM_SHOTS == 0:
        raise UserError(f"DATASET.NUM_SHOTS is {options.NUM_SHOTS}: give the number of training images per class, or "
                        "-1 for all of them")
    if options.SUBSAMPLE_CLASSES not in SUBSAMPLES:
        raise UserError(f"DATASET.SUBSAMPLE_CLASSES {options.SUBSAMPLE_CLASSES!r} is unknown: give one of "
                        f"{', '.join(SUBSAMPLES)}")
    if options.get("CLASSES", "") and options.SUBSAMPLE_CLASSES != "all":
        raise UserError(f"DATASET.CLASSES {options.CLASSES!r} and DATASET.SUBSAMPLE_CLASSES "
                        f"{options.SUBSAMPLE_CLASSES!r} both choose classes: leave one out")
    template = options.get("TEMPLATE", "")
    if template and (template.count("{}") != 1 or template.count("{") + template.count("}") != 2
                     or not template.isprintable() or len(template) > LONGEST_TEMPLATE):
        raise UserError(f"DATASET.TEMPLATE {shown(template)} is no template: give a short text in which {{}} stands "
                        "once, for the class name")
    for key in () if has_domains else ("SOURCE_DOMAINS", "TARGET_DOMAINS"):
        if options[key]:  # ignored, they would be recorded as if they had been obeyed
            raise UserError(f"DATASET.{key} is {list(options[key])!r}, but {options.NAME or 'the data set'} has no "
                            f"domains: leave out --{key.lower().replace('_', '-')}")
