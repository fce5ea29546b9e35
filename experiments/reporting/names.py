"""Data sets and methods: the order of the paper's tables, and names for people."""
from compat.errors import UserError

# Registered name: (name in configs/datasets and in the paper's CSVs, name in print)
DATASETS = {
    "ImageNet": ("imagenet", "ImageNet"),
    "Caltech101": ("caltech101", "Caltech101"),
    "OxfordPets": ("oxford_pets", "OxfordPets"),
    "StanfordCars": ("stanford_cars", "StanfordCars"),
    "OxfordFlowers": ("oxford_flowers", "Flowers102"),
    "Food101": ("food101", "Food101"),
    "FGVCAircraft": ("fgvc_aircraft", "FGVCAircraft"),
    "SUN397": ("sun397", "SUN397"),
    "DescribableTextures": ("dtd", "DTD"),
    "EuroSAT": ("eurosat", "EuroSAT"),
    "UCF101": ("ucf101", "UCF101"),
    "ImageNetV2": ("imagenetv2", "ImageNetV2"),
    "ImageNetSketch": ("imagenet_sketch", "ImageNet-Sketch"),
    "ImageNetA": ("imagenet_a", "ImageNet-A"),
    "ImageNetR": ("imagenet_r", "ImageNet-R"),
    "Pictograms": ("pictograms", "Pictograms"),
    "PictogramsEmoji": ("pictograms_emoji", "Pictograms-Emoji"),
    "PictogramsFluent": ("pictograms_fluent", "Pictograms-Fluent"),
    "EmojiAnimals": ("emoji_animals", "Emoji-Animals"),
    "EmojiFood": ("emoji_food", "Emoji-Food"),
    "EmojiObjects": ("emoji_objects", "Emoji-Objects"),
    "EmojiTransport": ("emoji_transport", "Emoji-Transport"),
}
METHODS = ("ZeroshotCLIP", "CoOp", "CoOp_MAO", "MaPLe", "MaPLe_MAO", "PromptSRC", "PromptSRC_MAO")
WITH_MAO = "_MAO"  # end of the name of a method that is MAO in front of the backbone before it


def display_name(dataset):
    return DATASETS[dataset][1] if dataset in DATASETS else dataset


def config_name(dataset):
    """Lower-case name of a data set, as in the paper's CSVs; the name itself where it is not one of ours."""
    return DATASETS[dataset][0] if dataset in DATASETS else dataset


def backbone(method):
    """"CoOp" of "CoOp_MAO"; None for a method without MAO."""
    return method[:-len(WITH_MAO)] if method.endswith(WITH_MAO) else None


def counterpart(method):
    """The same method with MAO, or without it."""
    return backbone(method) or method + WITH_MAO


def variants_of(source, datasets):
    """Those of the data sets that are the source's classes in other images: ImageNet-R of ImageNet, and so on."""
    return [name for name in datasets if name.startswith(source) and name != source]


def in_order(found, order):
    """Names in a given order, others behind them by the alphabet."""
    known = list(order)
    return sorted(set(found), key=lambda name: (known.index(name) if name in known else len(known), name))


def sort_datasets(found):
    return in_order(found, DATASETS)


def sort_methods(found):
    """In the order of METHODS; a method of one's own before its counterpart with MAO."""
    return in_order(found, METHODS)


def resolve(asked, found, known, what):
    """Names as in records for those that a user gave, in any letter case or as in configs/datasets.

    Args:
        asked: names. found: names in the records. known: {name: other names for it}. what: "method" or "data set".

    Raises:
        UserError: a name is neither known nor in the records.
    """
    aliases = {name.lower(): name for name in found}
    for name, others in known.items():
        for alias in (name, *others):
            aliases[alias.lower()] = name
    unknown = [name for name in asked if name.lower() not in aliases]
    if unknown:
        names = ", ".join([*known, *sorted(set(found) - set(known))])
        raise UserError(f"{what} {unknown[0]!r} is unknown and in none of the records: choose from {names}")
    return list(dict.fromkeys(aliases[name.lower()] for name in asked))


def resolve_methods(asked, found):
    return resolve(asked, found, {name: () for name in METHODS}, "method")


def resolve_datasets(asked, found):
    return resolve(asked, found, DATASETS, "data set")
