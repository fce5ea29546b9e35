"""Print base-to-new tables from the records of evaluations.

    python scripts/tables.py output/quickstart
    python scripts/tables.py output/base2new --format markdown --output table.md

One table a data set: accuracy in per cent on the test images of base and of new classes, mean and sample standard
deviation over seeds, and H, the harmonic mean of the two means. A cell without records is a dash, and is named below.
"""
import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tabulate import tabulate  # noqa: E402

from results import ResultsError, read_records  # noqa: E402
from scripts.base_to_new import BASE, NEW, NEW_AFTER_BASE, methods_by_dataset, missing_cells  # noqa: E402

FORMATS = {"terminal": "simple", "markdown": "github"}
MISSING = "-"


def number(value):
    return MISSING if value is None else f"{value:.2f}"


def cell(method, column):
    """Mean with standard deviation, "73.60 ± 0.40"; the mean alone for one seed or without training."""
    deviation = method.deviation(column)
    if method.mean(column) is None or deviation is None or method.shots == "0":
        return number(method.mean(column))
    return f"{method.mean(column):.2f} ± {deviation:.2f}"


def dataset_table(methods, table_format):
    """Text of the table of one data set. ``methods``: its rows. ``table_format``: a key of FORMATS."""
    with_steps = any(method.has_steps for method in methods)
    header = ["method", "shots", "seeds", BASE, *([NEW_AFTER_BASE] if with_steps else []), NEW, "H"]
    lines = []
    for method in methods:
        seeds = sorted({seed for per_seed in method.accuracy.values() for seed in per_seed})
        steps = [cell(method, NEW_AFTER_BASE) if method.has_steps else ""] if with_steps else []
        lines.append([method.trainer, method.shots, " ".join(map(str, seeds)), cell(method, BASE), *steps,
                      cell(method, NEW), number(method.harmonic_mean())])
    align = ["left", *["right"] * (len(header) - 1)]
    return tabulate(lines, headers=header, tablefmt=FORMATS[table_format], colalign=align, disable_numparse=True)


def report(records, table_format, split="test"):
    """All tables, what is missing, and what was left out, as one text."""
    by_dataset, notes = methods_by_dataset(records, split)
    blocks, missing = [], []
    for dataset, methods in by_dataset.items():
        title = f"{dataset}: accuracy in per cent, mean ± standard deviation over seeds"
        blocks.append(f"{title}\n\n{dataset_table(methods, table_format)}")
        missing += missing_cells(dataset, methods)
    for title, sentences in (("Missing", missing), ("Note", notes)):
        if sentences:
            blocks.append("\n".join(f"- {title}: {sentence}" for sentence in sentences))
    return "\n\n".join(blocks)


def save_text(path, text):
    """Write a text file atomically."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("paths", nargs="+", help="output folders (searched for results.jsonl) or files of records")
    parser.add_argument("--format", choices=FORMATS, default="terminal")
    parser.add_argument("--split", choices=("test", "val"), default="test")
    parser.add_argument("--output", help="file to write to instead of the terminal")
    parser.add_argument("--skip-bad", action="store_true", help="leave out lines that cannot be read")
    args = parser.parse_args(argv)
    try:
        text = report(read_records(args.paths, args.skip_bad), args.format, args.split)
        if not text:
            raise ResultsError(f"no base-to-new evaluations on {args.split} images in {', '.join(args.paths)}: run "
                               "scripts/quickstart.sh or scripts/*/base2new*.sh first")
    except ResultsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if args.output:
        save_text(args.output, text + "\n")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
