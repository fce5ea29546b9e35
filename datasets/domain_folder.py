"""DomainFolder: one folder per domain with the same class folders in each, as PACS, OfficeHome and their like.

DATASET.ROOT is the folder of the domains: art_painting, cartoon, photo and sketch of PACS; Art, Clipart, Product and
"Real World" of OfficeHome. --source-domains are trained on and --target-domains tested on; of the two, one that is not
given stands for the domains that the other leaves, and both for all.
A domain that is only a source gives train and validation images (80 % and 20 % of each class, by DATASET.SPLIT_SEED,
or as its folders train and val say), one that is only a target all its images as test images. One that is both is
split in three, as ImageFolder would, or gives the images of its folders train and test (without test: val).
"""
import os
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY
from dassl.utils import get_most_similar_str_to_a_from_b
from yacs.config import CfgNode

from compat.errors import UnknownNameError, UserError

from .base import Options, data_root
from .image_folder import ImageFolder, Listing, class_names, holds_runs
from .splits.given_split import PART_OF
from .splits.own_split import SEED, split_in_three, split_off_validation
from .splits.scan import class_folders, list_images
from .splits.split_file import PARTS, Item, Parts, Split, digest_of

Domains = tuple[list[str], list[str]]
"""(source domains, target domains)."""


@DATASET_REGISTRY.register()
class DomainFolder(ImageFolder):
    """``domains``: names of all domains."""

    split_file = ""
    has_domains = True

    def __init__(self, cfg: CfgNode) -> None:
        folder = data_root(cfg.DATASET.ROOT)
        self.prepare(folder)
        self.domains = domains_in(folder)
        self.sources, self.targets = chosen_domains(self.domains, cfg.DATASET)
        super().__init__(cfg)

    def own_label(self) -> str:
        label = super().own_label()
        return label if self.targets == self.domains else f"{label}: {', '.join(self.targets)}"

    def domain_of(self, path: str, part: str) -> int:
        domain = path.split("/", 1)[0]
        return (self.targets if part == "test" else self.sources).index(domain)

    def draw_digest(self) -> str:
        return digest_of([self.split_digest, self.sources, self.targets])

    @classmethod
    def read_parts(cls, folder: Path, options: Options) -> Split:
        seed = options.get("SPLIT_SEED", SEED)
        domains = domains_in(folder)
        listings = {domain: list_domain(folder / domain) for domain in domains}
        classes = {name for listing in listings.values() for images in listing.values() for name in images}
        names = class_names(folder, sorted(classes))
        items = {domain: items_of(domain, listing, names) for domain, listing in listings.items()}
        parts: Parts = {part: [] for part in PARTS}
        sources, targets = chosen_domains(domains, options)
        for domain in domains:
            for part, found in split_domain(items[domain], domain in sources, domain in targets, seed).items():
                parts[part] += found
        everything = [path for of_domain in items.values() for part in of_domain.values() for path, _, _ in part]
        return Split(parts, digest_of([listings, names, seed]), everything=everything)


def domains_in(folder: Path) -> list[str]:
    """Names of the domains in a folder, sorted."""
    if (folder / "images").is_dir():  # of PACS as the field unpacks it, beside its lists
        raise UserError(f"{str(folder)!r} holds the folder 'images', which is no domain: give --root (DATASET.ROOT) "
                        "that folder, if the domains lie in it")
    return [name for name in class_folders(folder) if not holds_runs(folder / name)]


def chosen_domains(domains: list[str], options: Options) -> Domains:
    """The source and the target domains that the config names; UnknownNameError for one that is not there."""
    chosen = {}
    for key in ("SOURCE_DOMAINS", "TARGET_DOMAINS"):
        chosen[key] = list(options.get(key, ()))
        for name in chosen[key]:
            if name not in domains:
                near = get_most_similar_str_to_a_from_b(name, domains)
                raise UnknownNameError(f"DATASET.{key} {name!r} is no domain here: did you mean {near!r}? Give some of "
                                       f"{', '.join(domains)}")
    sources, targets = chosen.values()
    rest = [[name for name in domains if name not in names] for names in (targets, sources)]
    sources, targets = sources or rest[0], targets or rest[1]
    if not sources or not targets:
        given, other = ("source", "target") if sources else ("target", "source")
        raise UserError(f"the {given} domains {', '.join(domains)} are all there are: give --{other}-domains, too")
    return sources, targets


def list_domain(folder: Path) -> Listing:
    """{part, or "" without parts: {class: file names}} of a domain's folder."""
    folders = class_folders(folder)
    parts = {name: PART_OF[name.lower()] for name in folders if name.lower() in PART_OF}
    if "train" not in parts.values():
        return {"": list_images(folder)}
    if len(set(parts.values())) < len(parts):
        raise UserError(f"{str(folder)!r} holds {', '.join(parts)}, two of them for one part: keep one of them")
    return {name: list_images(folder / name) for name in parts}


def items_of(domain: str, listing: Listing, names: dict[str, str]) -> dict[str, list[Item]]:
    """{part, or "": items} of a domain; labels in the order of the sorted class folders of all domains."""
    labels = {name: label for label, name in enumerate(names)}
    return {PART_OF.get(part.lower(), ""): [
        (os.path.join(domain, part, name, file), labels[name], names[name]) for name, files in images.items()
        for file in files] for part, images in listing.items()}


def split_domain(items: dict[str, list[Item]], source: bool, target: bool, seed: int) -> dict[str, list[Item]]:
    """What a domain gives to train, val and test."""
    if not source:
        return {"test": [item for part in items.values() for item in part] if target else []}
    if not target:
        train, val = items.get("") or items["train"] + items.get("test", []), items.get("val")
        return {"train": train, "val": val} if val else split_off_validation(train, [], seed)
    if "" in items:
        return dict(split_in_three(items[""], seed))
    test, val = items.get("test"), items.get("val")
    if test and val:
        return items
    if not (test or val):
        return dict(split_in_three(items["train"], seed))
    return dict(split_off_validation(items["train"], test or val or [], seed))
