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
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from dassl.data.datasets import DATASET_REGISTRY
from PIL import Image
from tabulate import tabulate
from tqdm import tqdm

from compat.errors import UserError, exit_code
from compat.pixels import as_rgb

from .base import FewShotDataset, data_root
from .bundled import BundledDataset
from .names import named_datasets
from .splits.checks import note_on_names, summary
from .splits.images import find_faults
from .splits.split_file import PARTS

EXPECTED = Path(__file__).resolve().parent / "expected_counts.json"
MOST_JOBS = 256
CHUNK = 64  # images a worker decodes before it reports


@dataclass
class Report:
    """What was found. ``counts``: classes, and images by part. ``problems``: sentences. ``note``: one on no problem."""

    name: str
    counts: dict[str, int]
    problems: list[str] = field(default_factory=list)
    note: str = ""


def check(name: str, root: str, full: bool = False, jobs: int | None = None) -> Report:
    """Check one data set.

    Args:
        name: registered name. root: folder of the data sets. full: decode every image.
        jobs: processes that decode (default: one per core).

    Raises:
        UserError: the data set is not there, or its split cannot be read.
    """
    reading = cast(type[FewShotDataset], DATASET_REGISTRY.get(name)).read(root)
    paths = [path for part in PARTS for path, _, _ in reading.parts[part]]
    report = Report(name, {"classes": len(reading.class_names), **{part: len(reading.parts[part]) for part in PARTS}})
    report.problems += count_problems(name, report.counts, reading.official)
    faults = find_faults(reading.images, paths)
    for found, what, remedy in (
            (faults.missing, "are missing", "unpack the data set again"),
            (faults.odd, "are no regular files", "put images there"),
            ([" = ".join(pair) for pair in faults.twice], "are listed under two paths", "remove one of the entries")):
        if found:
            report.problems.append(f"{len(found)} of {len(paths)} images {what} in {str(reading.images)!r}, "
                                   f"{summary(found)}: {remedy}")
    report.note = note_on_names(reading.class_names)
    if full:
        report.problems += image_problems(
            reading.images, sorted(set(paths).difference(faults.missing, faults.odd)), jobs, name)
    return report


def published_counts() -> dict[str, dict[str, int | None]]:
    """{data set: {"classes": count, part: count, or None for a part that it does not have}}."""
    table = json.loads(EXPECTED.read_text(encoding="utf-8"))
    return {name: counts for name, counts in table.items() if not name.startswith("_")}


def count_problems(name: str, counts: dict[str, int], official: bool = True) -> list[str]:
    """Sentences on counts that differ from the published ones.

    Of a random split that was made here (``official`` False), the classes and the sum of all parts count.
    """
    expected = {what: wanted or 0 for what, wanted in published_counts().get(name, {}).items()}
    if not official and expected:
        counts = {"classes": counts["classes"], "all": sum(counts[part] for part in PARTS)}
        expected = {"classes": expected["classes"], "all": sum(expected[part] for part in PARTS)}
    units = {"classes": "classes", "all": "images"}
    return [f"{counts[what]} {units.get(what, what + ' images')}, but {wanted} are published"
            for what, wanted in expected.items() if counts[what] != wanted]


def image_problems(folder: Path, paths: list[str], jobs: int | None, name: str) -> list[str]:
    """A sentence on images that cannot be decoded, if there are any."""
    chunks = [paths[start:start + CHUNK] for start in range(0, len(paths), CHUNK)]
    bad = []
    try:
        with ProcessPoolExecutor(jobs) as pool, tqdm(total=len(paths), desc=f"decoding {name}", unit="img") as progress:
            for chunk, found in zip(chunks, pool.map(undecodable, [folder] * len(chunks), chunks), strict=True):
                bad += found
                progress.update(len(chunk))
    except BrokenProcessPool as error:
        raise UserError("a process that decodes images was killed, perhaps for want of memory: give --jobs a smaller "
                        "number") from error
    return [f"{len(bad)} of {len(paths)} images cannot be read, {summary(bad)}: unpack them again"] if bad else []


def undecodable(folder: Path, paths: list[str]) -> list[str]:
    """"path (reason)" of the images that Pillow cannot decode in full."""
    bad = []
    for path in paths:
        try:
            with Image.open(os.path.join(folder, path)) as image:
                as_rgb(image)
        except Exception as error:  # decoders raise many kinds
            bad.append(f"{path} ({str(error).splitlines()[0] if str(error) else type(error).__name__})")
    return bad


def absent_names(names: list[str], root: str) -> list[str]:
    """Those of the data sets that have no folder below a data root and do not come with the repository."""
    datasets = {name: DATASET_REGISTRY.get(name) for name in names}
    return [name for name, dataset in datasets.items()
            if not issubclass(dataset, BundledDataset) and not os.path.isdir(data_root(root) / dataset.dataset_dir)]


def check_all(names: list[str], absent: list[str], root: str, full: bool, jobs: int | None) -> int:
    """Check data sets, print what was found, and return the exit code. ``absent``: data sets to name as not there."""
    reports, refused = [], []
    for name in names:
        try:
            reports.append(check(name, root, full, jobs))
        except UserError as error:
            refused.append(f"{name}: {error}")
    if reports:
        print(tabulate([[report.name, *report.counts.values(), "PROBLEMS" if report.problems else "ok"]
                        for report in reports], headers=["data set", "classes", *PARTS, ""]))
    for report in reports:
        for problem in report.problems:
            print(f"- {report.name}: {problem}")
        if report.note:
            print(f"- {report.name}, a note: {report.note}")
    if absent:
        print(f"- not there: {', '.join(absent)} (python -m datasets.download --list)")
    for sentence in refused:
        print(f"error: {sentence}", file=sys.stderr)
    if refused:
        return 2
    return 1 if absent or any(report.problems for report in reports) else 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m datasets.check", description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="+", metavar="NAME", help="data sets, or all")
    parser.add_argument("--root", default="data", help="folder of the data sets (default: data)")
    parser.add_argument("--full", action="store_true", help="decode every image")
    parser.add_argument("--jobs", type=int, help=f"processes that decode, at most {MOST_JOBS} (default: one per core)")
    args = parser.parse_args(argv)
    if args.jobs is not None and not 1 <= args.jobs <= MOST_JOBS:
        parser.error(f"--jobs {args.jobs}: give a number of processes from 1 to {MOST_JOBS}")

    def action() -> int:
        names = named_datasets(args.names, published_counts())
        absent = absent_names(names, args.root) if args.names[0].lower() == "all" else []
        return check_all([name for name in names if name not in absent], absent, args.root, args.full, args.jobs)

    return exit_code(action)


if __name__ == "__main__":
    sys.exit(main())
