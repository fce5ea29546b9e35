"""Base of data sets: the splits, the classes in them, and few-shot draws."""
import os
import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from compat.errors import UserError

from ...utils.files import download_url, mkdir_if_missing
from ...utils.registry import check_availability
from .datum import Datum, read_only  # Datum also because Dassl has it here, where pickles of few-shot draws look for it

Images = list[Datum]


class DatasetBase:
    """Lists of ``Datum``; the classes are those of ``train_x``.

    Attributes:
        dataset_dir: folder of the data set. domains: names of its domains.
        train_x, train_u, val, test: labelled training, unlabelled training, validation and test images. Without any,
            ``train_u`` and ``val`` may be None.
        num_classes. lab2cname: dict from label to class name. classnames: list in label order.

    Raises:
        UserError: the labels of ``train_x`` are not 0, 1, ..., n - 1.
    """

    dataset_dir = ""
    domains: list[str] = []
    train_x: Images = read_only("_train_x")
    train_u: Images | None = read_only("_train_u")
    val: Images | None = read_only("_val")
    test: Images = read_only("_test")
    lab2cname: dict[int, str] = read_only("_lab2cname")
    classnames: list[str] = read_only("_classnames")
    num_classes: int = read_only("_num_classes")

    def __init__(self, train_x: Images | None = None, train_u: Images | None = None, val: Images | None = None,
                 test: Images | None = None) -> None:
        self._train_x = train_x or []
        self._train_u = train_u
        self._val = val
        self._test = test or []
        self._lab2cname, self._classnames = self.get_lab2cname(self.train_x)
        self._num_classes = self.get_num_classes(self.train_x)

    @staticmethod
    def get_num_classes(data_source: Iterable[Datum]) -> int:
        """Number of classes in a list of ``Datum``; UserError if their labels leave one out."""
        labels = sorted({item.label for item in data_source})
        for expected, label in enumerate(labels):
            if label != expected:
                raise UserError(f"the training images have labels up to {labels[-1]} but none has label {expected}: "
                                "labels have to be 0, 1, 2, ... without a gap")
        return len(labels)

    @staticmethod
    def get_lab2cname(data_source: Iterable[Datum]) -> tuple[dict[int, str], list[str]]:
        """(dict from label to class name, class names in label order) of a list of ``Datum``."""
        lab2cname = {item.label: item.classname for item in data_source}
        return lab2cname, [lab2cname[label] for label in sorted(lab2cname)]

    def check_input_domains(self, source_domains: Iterable[str], target_domains: Iterable[str]) -> None:
        """Raise UnknownNameError if the config names a domain that the data set does not have."""
        for key, names in (("SOURCE_DOMAINS", source_domains), ("TARGET_DOMAINS", target_domains)):
            for name in names:
                check_availability(name, self.domains, what=f"DATASET.{key}")

    def download_data(self, url: str, dst: str, from_gdrive: bool = True) -> None:
        """Download an archive (zip or tar) to the path ``dst`` and unpack it beside it."""
        mkdir_if_missing(os.path.dirname(dst))
        if from_gdrive:
            import gdown  # here, since only downloads need the package

            gdown.download(url, dst, quiet=False)
        else:
            download_url(url, dst)
        shutil.unpack_archive(dst, os.path.dirname(dst), filter=None if dst.endswith(".zip") else "data")

    def generate_fewshot_dataset(self, *data_sources: Images, num_shots: int = -1, repeat: bool = False) -> Any:
        """Draw ``num_shots`` images per class from each list, with python's global random numbers.

        Classes are taken in the order in which they first occur. Of a class with fewer images all are taken in their
        order and nothing is drawn, unless ``repeat`` fills it up by drawing with repetition.

        Returns:
            A list of ``Datum`` for one source, a list of lists for several; the sources themselves if ``num_shots`` is
            below 1.
        """
        if num_shots < 1:
            return data_sources[0] if len(data_sources) == 1 else data_sources
        print(f"drawing {num_shots} images per class")
        drawn = [self._draw(source, num_shots, repeat) for source in data_sources]
        return drawn[0] if len(drawn) == 1 else drawn

    def _draw(self, source: Images, num_shots: int, repeat: bool) -> Images:
        chosen: Images = []
        short: list[str] = []
        for items in self.split_dataset_by_label(source).values():
            if len(items) >= num_shots:
                chosen += random.sample(items, num_shots)
                continue
            short.append(f"{items[0].classname} ({len(items)})")
            chosen += random.choices(items, k=num_shots) if repeat else items
        if short:
            print(f"fewer than {num_shots} images, so all were taken: {', '.join(short)}")
        return chosen

    @staticmethod
    def split_dataset_by_label(data_source: Iterable[Datum]) -> dict[int, Images]:
        """Dict from label to the list of its ``Datum``, in order of first appearance."""
        return _grouped(data_source, lambda item: item.label)

    @staticmethod
    def split_dataset_by_domain(data_source: Iterable[Datum]) -> dict[int, Images]:
        """Dict from domain to the list of its ``Datum``, in order of first appearance."""
        return _grouped(data_source, lambda item: item.domain)


def _grouped(items: Iterable[Datum], key: Callable[[Datum], int]) -> dict[int, Images]:
    groups: dict[int, Images] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
