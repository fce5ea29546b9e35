"""The catalogue: every method, data set and setting that is run here, each written once.

A new data set is its loader, its yaml and a line below; a new method its trainer, its yaml and a line below. Reading
the catalogue needs neither torch nor Dassl, so tables are made at once.
"""
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml

from compat.errors import UserError
from compat.settings import flat_config

ROOT = Path(__file__).resolve().parent.parent

Protocol = Literal["", "xd"]
"""``xd``: prompts that are tested on other data sets (cross-data set, domain generalisation)."""


@dataclass(frozen=True)
class Setting:
    """What a method is run with: a yaml of ``configs/trainers/<method>/``, and pairs that override it.

    Attributes:
        name: as in the names of output folders. yaml: the file, without its ending. pairs: KEY VALUE pairs.
    """

    name: str
    yaml: str
    pairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Method:
    """A row of the tables.

    Attributes:
        name: registered name of the trainer. setting: its yaml for ViT-B/16. cross: KEY VALUE pairs that its prompts
            for other data sets differ in. words: those that start its context from words. color, marker: in figures;
            with MAO those of the backbone are taken.
        trains: whether there is anything to train, and so a seed that matters.
        on_request: whether sweeps have it only where it is named (``--methods``); the paper's tables do not have it.
        few_shot_alone: whether it knows only the classes that it was trained on, so that nothing else makes sense.
    """

    name: str
    setting: str
    cross: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    color: str = ""
    marker: str = ""
    trains: bool = True
    on_request: bool = False
    few_shot_alone: bool = False

    @property
    def backbone(self) -> str | None:
        """``CoOp`` of ``CoOp_MAO``; None for a method without MAO."""
        return backbone(self.name)


@dataclass(frozen=True)
class Dataset:
    """A data set of the tables.

    Attributes:
        name: registered name. config: file in ``configs/datasets/`` without its ending, also its name in the paper's
            CSVs. title: name in print. source: data set whose classes it shows in other images. bundled: whether it is
            part of this repository; its images of 64x64 pixels go with the bundled small CLIP.
    """

    name: str
    config: str
    title: str
    source: str = ""
    bundled: bool = False


A_PHOTO_OF_A = ("TRAINER.COOP.CTX_INIT", "a photo of a")  # CoOp's ctxv1

METHODS: dict[str, Method] = {method.name: method for method in (
    Method("ZeroshotCLIP", "vit_b16", color="#6b6b6b", marker="X", trains=False),
    Method("LinearProbe", "vit_b16", color="#000000", marker="*", on_request=True, few_shot_alone=True),
    Method("CoOp", "vit_b16_c4_ep20", words=A_PHOTO_OF_A, color="#0072B2", marker="o"),
    Method("CoOp_MAO", "vit_b16_c4_ep10", words=A_PHOTO_OF_A),
    Method("CoCoOp", "vit_b16_c4_ep10", color="#CC79A7", marker="v", on_request=True),
    Method("CoCoOp_MAO", "vit_b16_c4_ep10", on_request=True),
    Method("KgCoOp", "vit_b16_c4_ep100", color="#8C564B", marker="^", on_request=True),
    Method("KgCoOp_MAO", "vit_b16_c4_ep10", on_request=True),
    # Upstream tests epoch 2 on other data sets; up to there the learning rates of 5 epochs are those of 2
    Method("VPT", "vit_b16_c8_ep5", cross=("OPTIM.MAX_EPOCH", "2"), color="#E69F00", marker="P", on_request=True),
    Method("VPT_MAO", "vit_b16_c8_ep5", cross=("OPTIM.MAX_EPOCH", "2"), on_request=True),
    Method("IVLP", "vit_b16_c2_ep5", cross=("OPTIM.MAX_EPOCH", "2"), color="#56B4E9", marker="h", on_request=True),
    Method("IVLP_MAO", "vit_b16_c2_ep5", cross=("OPTIM.MAX_EPOCH", "2"), on_request=True),
    Method("MaPLe", "vit_b16_c2_ep20", cross=("TRAINER.MAPLE.PROMPT_DEPTH", "3"), color="#D55E00", marker="s"),
    Method("MaPLe_MAO", "vit_b16_c2_ep10", cross=("TRAINER.MAPLE.PROMPT_DEPTH", "3")),
    Method("PromptSRC", "vit_b16_c4_ep20", cross=("TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", "3",
                                                  "TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", "3"),
           color="#009E73", marker="D"),
    Method("PromptSRC_MAO", "vit_b16_c4_ep10", cross=("TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", "3",
                                                      "TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", "3")),
)}

# In the order of the paper's tables.
DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in (
    Dataset("ImageNet", "imagenet", "ImageNet"),
    Dataset("Caltech101", "caltech101", "Caltech101"),
    Dataset("OxfordPets", "oxford_pets", "OxfordPets"),
    Dataset("StanfordCars", "stanford_cars", "StanfordCars"),
    Dataset("OxfordFlowers", "oxford_flowers", "Flowers102"),
    Dataset("Food101", "food101", "Food101"),
    Dataset("FGVCAircraft", "fgvc_aircraft", "FGVCAircraft"),
    Dataset("SUN397", "sun397", "SUN397"),
    Dataset("DescribableTextures", "dtd", "DTD"),
    Dataset("EuroSAT", "eurosat", "EuroSAT"),
    Dataset("UCF101", "ucf101", "UCF101"),
    Dataset("ImageNetV2", "imagenetv2", "ImageNetV2", source="ImageNet"),
    Dataset("ImageNetSketch", "imagenet_sketch", "ImageNet-Sketch", source="ImageNet"),
    Dataset("ImageNetA", "imagenet_a", "ImageNet-A", source="ImageNet"),
    Dataset("ImageNetR", "imagenet_r", "ImageNet-R", source="ImageNet"),
    Dataset("Pictograms", "pictograms", "Pictograms", bundled=True),
    Dataset("PictogramsInverted", "pictograms_inverted", "Pictograms-Inverted", source="Pictograms", bundled=True),
    Dataset("PictogramsContour", "pictograms_contour", "Pictograms-Contour", source="Pictograms", bundled=True),
    Dataset("PictogramsFar", "pictograms_far", "Pictograms-Far", source="Pictograms", bundled=True),
    Dataset("EmojiAnimals", "emoji_animals", "Emoji-Animals", bundled=True),
    Dataset("EmojiFood", "emoji_food", "Emoji-Food", bundled=True),
    Dataset("EmojiObjects", "emoji_objects", "Emoji-Objects", bundled=True),
    Dataset("EmojiTransport", "emoji_transport", "Emoji-Transport", bundled=True),
    Dataset("CIFAR10", "cifar10", "CIFAR-10"),
    Dataset("CIFAR100", "cifar100", "CIFAR-100"),
    Dataset("ImageFolder", "image_folder", "ImageFolder"),
    Dataset("DomainFolder", "domain_folder", "DomainFolder"),
)}

ZERO_SHOT = "ZeroshotCLIP"
PAPER_SOURCE, DEMO_SOURCE = "ImageNet", "Pictograms"  # prompts are trained on it for tests on other data sets
NOT_IN_THE_PAPER = ("CIFAR10", "CIFAR100", "ImageFolder", "DomainFolder")
MAO_SUFFIX = "_MAO"
CONTROL_SUFFIX = "+step2"
DEMO_SETTING = "mini"


def backbone(method: str) -> str | None:
    """``CoOp`` of ``CoOp_MAO`` and of its control ``CoOp+step2``; None for a plain method."""
    suffix = next((suffix for suffix in (MAO_SUFFIX, CONTROL_SUFFIX) if method.endswith(suffix)), "")
    return method.removesuffix(suffix) if suffix else None


def counterpart(method: str) -> str:
    """The same method with MAO, or without it."""
    return backbone(method) or method + MAO_SUFFIX


def has_steps(method: str) -> bool:
    """Whether a method is trained in MAO's two steps."""
    return method.endswith(MAO_SUFFIX)


def control(method: str) -> str:
    """``CoOp+step2`` of ``CoOp_MAO``: step 2 behind the plain backbone, which shows what step 2 alone gains."""
    return f"{backbone(method)}{CONTROL_SUFFIX}"


def is_control(method: str) -> bool:
    return method.endswith(CONTROL_SUFFIX)


def by_default(method: str) -> bool:
    """Whether tables have a method, or a control, without being asked for it."""
    return not METHODS[(is_control(method) and backbone(method)) or method].on_request


# All rows that a base-to-new table may have
WITH_CONTROLS = tuple(row for name in METHODS for row in ((name, control(name)) if has_steps(name) else (name,)))


def named_setting(method: str, name: str) -> Setting:
    """The setting with a name; at its end ``_xd`` stands for the method's pairs ``cross``, ``_ctxv1`` for ``words``."""
    known = METHODS.get(method)
    for suffix, pairs in (("_xd", known.cross), ("_ctxv1", known.words)) if known else ():
        if pairs and name.endswith(suffix):
            return Setting(name, name.removesuffix(suffix), pairs)
    return Setting(name, name)


def setting(method: str, config: str, protocol: Protocol = "") -> Setting:
    """The setting of a method (its registered name) on a data set (its file's name in ``configs/datasets/``)."""
    dataset = by_config(config)
    if dataset is not None and dataset.bundled:
        return named_setting(method, DEMO_SETTING)
    name = METHODS[method].setting
    return named_setting(method, f"{name}_xd" if protocol == "xd" and METHODS[method].cross else name)


BATCH_SIZE = "DATALOADER.TRAIN_X.BATCH_SIZE"


# The labellers of step 2, each as the paper's row that has it: CoOp_MAO's and PromptSRC_MAO's.
LABELLERS: dict[str, dict[str, object]] = {
    "base": {"MAO.PSEUDO_LABELS": "base", "MAO.PSEUDO_VIEW": "train"},
    "clip": {"MAO.PSEUDO_LABELS": "clip", "MAO.PSEUDO_VIEW": "test"},
}


@lru_cache
def mao_defaults(method: str = "CoOp_MAO") -> dict[str, object]:
    """{full key: value} of the settings that the ablations vary around: MAO's own, and the batch size of step 1.

    They are those of the method's row in the paper; a method of one's own has CoOp_MAO's batch size, and else the
    defaults of the plug-in.
    """
    mao = yaml.safe_load((ROOT / "trainers/mao/defaults.yaml").read_text(encoding="utf-8"))
    name = method if method in METHODS and has_steps(method) else "CoOp_MAO"
    paper = ROOT / f"configs/trainers/{name}/{METHODS[name].setting}.yaml"
    of_row = flat_config(yaml.safe_load(paper.read_text(encoding="utf-8")))
    return {BATCH_SIZE: of_row[BATCH_SIZE], **flat_config({"MAO": mao}),
            **{key: value for key, value in of_row.items() if name == method and key.startswith("MAO.")}}


def paper_datasets() -> list[str]:
    """Registered names of the data sets of Table I, in its order."""
    return [name for name, dataset in DATASETS.items()
            if not dataset.source and not dataset.bundled and name not in NOT_IN_THE_PAPER]


def variants_of(source: str) -> list[str]:
    """Registered names of the data sets that show the source's classes in other images."""
    return [name for name, dataset in DATASETS.items() if dataset.source == source]


def demo_targets() -> list[str]:
    """Registered names of the bundled data sets with other classes than the demo's source."""
    return [name for name, dataset in DATASETS.items()
            if dataset.bundled and not dataset.source and name != DEMO_SOURCE]


def configs_of(names: Iterable[str]) -> tuple[str, ...]:
    """File names in ``configs/datasets/``, without their ending, of data sets with some registered names."""
    return tuple(DATASETS[name].config for name in names)


def by_config(config: str) -> Dataset | None:
    """The data set with a file name in ``configs/datasets/``; None if there is none."""
    return next((dataset for dataset in DATASETS.values() if dataset.config == config), None)


def display_name(dataset: str) -> str:
    """Name of a data set in print; the registered name itself where the catalogue does not have it."""
    return DATASETS[dataset].title if dataset in DATASETS else dataset


def check_methods(methods: Iterable[str]) -> None:
    """Raise UserError for a method that only few-shot runs, on the classes of their training, make sense of."""
    for name in methods:
        if name in METHODS and METHODS[name].few_shot_alone:
            raise UserError(f"{name} knows only the classes that it was trained on, and has no accuracy on new classes "
                            "or other data sets: run few_shot for it (scripts/reproduce/few_shot.sh --methods "
                            f"{name})")


def in_order(found: Iterable[str], order: Iterable[str]) -> list[str]:
    """Different names in a given order, others behind them by the alphabet."""
    known = list(order)
    return sorted(set(found), key=lambda name: (known.index(name) if name in known else len(known), name))


def sort_datasets(found: Iterable[str]) -> list[str]:
    return in_order(found, DATASETS)


def sort_methods(found: Iterable[str]) -> list[str]:
    """In the order of METHODS, controls behind theirs; a method of one's own before its counterpart with MAO."""
    return in_order(found, WITH_CONTROLS)
