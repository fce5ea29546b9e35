"""Check that data sets are complete before anything is run on them.

    python -m datasets.check Caltech101 DescribableTextures --root DATA
    python -m datasets.check all --root DATA --full

Counts classes and images of each part, looks for images that are missing, and compares the counts with
those of the CoOp paper (``expected_counts.json``). ``--full`` decodes every image, on all cores.
Exit code 0: everything is as it has to be; 1: something is wrong, as listed; 2: a data set could not be checked at all.
"""
import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY
from dassl.utils import get_most_similar_str_to_a_from_b
from tabulate import tabulate
from tqdm import tqdm

from compat.errors import UserError

from .base import FewShotDataset, data_root
from .files import missing_files, summary
from .split_file import PARTS

EXPECTED = Path(__file__).resolve().parent / "expected_counts.json"
CHUNK = 64  # images a worker decodes before it reports


@dataclass
class Report:
    """What was found. ``counts``: classes, and images by part. ``problems``: sentences."""

    name: str
    counts: dict
    problems: list = field(default_factory=list)


def check(name, root, full=False, jobs=None):
    """Check one data set.

    Args:
        name: registered name. root: folder of the data sets. full: decode every image.
        jobs: processes that decode (default: one per core).

    Returns:
        Report

    Raises:
        UserError: the data set is not there, or its split cannot be read.
    """
    reading = DATASET_REGISTRY.get(name).read(root)
    paths = [path for part in PARTS for path, _, _ in reading.parts[part]]
    labels = {label for part in PARTS for _, label, _ in reading.parts[part]}
    report = Report(name, {"classes": len(labels), **{part: len(reading.parts[part]) for part in PARTS}})
    report.problems += count_problems(name, report.counts, reading.official)
    missing = missing_files(reading.images, paths)
    if missing:
        report.problems.append(f"{len(missing)} of {len(paths)} images are missing in {str(reading.images)!r}, "
                               f"{summary(missing)}: unpack the data set again")
    if full:
        report.problems += image_problems(reading.images, sorted(set(paths) - set(missing)), jobs, name)
    return report


def count_problems(name, counts, official=True):
    """Sentences on counts that differ from the published ones; None stands for a part that a data set does not have.

    Of a random split that was made here (``official`` False), the classes and the sum of all parts count.
    """
    expected = json.loads(EXPECTED.read_text(encoding="utf-8")).get(name, {})
    expected = {what: wanted or 0 for what, wanted in expected.items()}
    if not official and expected:
        counts = {"classes": counts["classes"], "all": sum(counts[part] for part in PARTS)}
        expected = {"classes": expected["classes"], "all": sum(expected[part] for part in PARTS)}
    units = {"classes": "classes", "all": "images"}
    return [f"{counts[what]} {units.get(what, what + ' images')}, but {wanted} are published"
            for what, wanted in expected.items() if counts[what] != wanted]


def image_problems(folder, paths, jobs, name):
    """A sentence on images that cannot be decoded, if there are any."""
    chunks = [paths[start:start + CHUNK] for start in range(0, len(paths), CHUNK)]
    bad = []
    with ProcessPoolExecutor(jobs) as pool, tqdm(total=len(paths), desc=f"decoding {name}", unit="img") as progress:
        for chunk, found in zip(chunks, pool.map(undecodable, [folder] * len(chunks), chunks)):
            bad += found
            progress.update(len(chunk))
    return [f"{len(bad)} of {len(paths)} images cannot be read, {summary(bad)}: unpack them again"] if bad else []


def undecodable(folder, paths):
    """"path (reason)" of the images that Pillow cannot decode in full."""
    from PIL import Image

    bad = []
    for path in paths:
        try:
            with Image.open(os.path.join(folder, path)) as image:
                image.convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # what decoders raise
            bad.append(f"{path} ({str(error).splitlines()[0] if str(error) else type(error).__name__})")
    return bad


def registered_names(asked):
    """The data sets that the words of the command line mean; ``all``: those with published counts.

    Raises:
        UserError: no data set has that name.
    """
    known = DATASET_REGISTRY.registered_names()
    by_lower = {name.lower(): name for name in known}
    if [word.lower() for word in asked] == ["all"]:
        return [name for name in json.loads(EXPECTED.read_text(encoding="utf-8")) if name in known]
    for word in asked:
        if word.lower() not in by_lower:
            raise UserError(f"data set {word!r} is unknown: did you mean "
                            f"{get_most_similar_str_to_a_from_b(word, known)!r}? Give all, or some of "
                            f"{', '.join(sorted(known))}")
    return [by_lower[word.lower()] for word in asked]


def absent_names(names, root):
    """Those of the data sets that have no folder below a data root and do not come with the repository."""
    def is_absent(dataset):
        unpacks_itself = dataset.prepare.__func__ is not FewShotDataset.prepare.__func__
        return not unpacks_itself and not (data_root(root) / dataset.dataset_dir).is_dir()

    return [name for name in names if is_absent(DATASET_REGISTRY.get(name))]


def main(argv=None):
    import datasets  # noqa: F401  registers the data sets

    parser = argparse.ArgumentParser(prog="python -m datasets.check", description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="+", metavar="NAME", help="data sets, or all")
    parser.add_argument("--root", default="data", help="folder of the data sets (default: data)")
    parser.add_argument("--full", action="store_true", help="decode every image")
    parser.add_argument("--jobs", type=int, help="processes that decode (default: one per core)")
    args = parser.parse_args(argv)
    reports, refused = [], []
    try:
        names = registered_names(args.names)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    absent = absent_names(names, args.root) if args.names[0].lower() == "all" else []
    for name in names:
        if name in absent:
            continue
        try:
            reports.append(check(name, args.root, args.full, args.jobs))
        except UserError as error:
            refused.append(f"{name}: {error}")
    if reports:
        print(tabulate([[report.name, *report.counts.values(), "PROBLEMS" if report.problems else "ok"]
                        for report in reports], headers=["data set", "classes", *PARTS, ""]))
    for report in reports:
        for problem in report.problems:
            print(f"- {report.name}: {problem}")
    if absent:
        print(f"- not there: {', '.join(absent)} (python -m datasets.download --list)")
    for sentence in refused:
        print(f"error: {sentence}", file=sys.stderr)
    if refused:
        return 2
    return 1 if absent or any(report.problems for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
