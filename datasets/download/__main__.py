"""Download data sets into a data root.

    python -m datasets.download --list
    python -m datasets.download Caltech101 DescribableTextures --root DATA
    python -m datasets.download all --root DATA --splits

Downloads are resumed, checked and unpacked safely; what is there already is left alone. ``--splits`` gets only the
small files that fix splits and class names. What has to be got by hand is printed as steps. Addresses:
``sources.json``.
Exit code 0: all is there; 1: something is left to be done by hand; 2: something failed.
"""
import argparse
import sys

from dassl.data.datasets import DATASET_REGISTRY
from tabulate import tabulate

from compat.errors import exit_code

from ..base import data_root
from ..names import named_datasets
from .files import download
from .sources import Sources, read_sources


def overview(sources: Sources) -> str:
    """The table of --list."""
    rows = []
    for name, source in sources.items():
        how = "by hand, splits and names from here" if "by_hand" in source else "from here"
        size = "unknown" if source["gigabytes"] is None else f"{source['gigabytes']:g}"
        rows.append([name, DATASET_REGISTRY.get(name).dataset_dir, size, how, source["terms"]])
    return tabulate(rows, headers=["data set", "folder", "GB, about", "how", "terms"], disable_numparse=True)


def download_all(names: list[str], sources: Sources, root: str, splits_only: bool, keep: bool) -> int:
    """Download data sets, say what is left to be done, and return the exit code."""
    failed, by_hand = [], False
    for name in names:
        if name not in sources:
            advice = getattr(DATASET_REGISTRY.get(name), "advice", "comes with the repository or is your own")
            print(f"{name}: {advice}; there is nothing to download here")
            continue
        folder = data_root(root) / DATASET_REGISTRY.get(name).dataset_dir
        print(f"{name}: {sources[name]['page']} ({sources[name]['terms']})")
        try:
            steps, sentences = download(name, sources[name], folder, splits_only, keep)
        except OSError as error:
            steps, sentences = [], [f"cannot write into {str(folder)!r} ({error.strerror or error}): make room, or "
                                    "give another --root"]
        failed += [f"{name}: {sentence}" for sentence in sentences]
        if steps:
            by_hand = True
            print(f"{name}: to be done by hand:")
            for number, step in enumerate(steps, start=1):
                print(f"  {number}. {step}")
        elif not sentences:
            print(f"{name}: ready in {folder}; check it with: python -m datasets.check {name} --root {root}")
    for sentence in failed:
        print(f"error: {sentence}", file=sys.stderr)
    return 2 if failed else int(by_hand)


def main(argv: list[str] | None = None, sources: Sources | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m datasets.download", description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets, or all")
    parser.add_argument("--root", default="data", help="folder of the data sets (default: data)")
    parser.add_argument("--splits", action="store_true", help="only split files and class names")
    parser.add_argument("--keep", action="store_true", help="keep archives after unpacking")
    parser.add_argument("--list", action="store_true", help="show the data sets and stop")
    args = parser.parse_args(argv)
    table = sources or read_sources()
    if args.list:
        print(overview(table))
        return 0
    if not args.names:
        parser.error("give data sets, all, or --list")
    return exit_code(lambda: download_all(named_datasets(args.names, table), table, args.root, args.splits, args.keep))


if __name__ == "__main__":
    sys.exit(main())
