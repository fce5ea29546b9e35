"""Print tables of accuracy or cost from records of runs, never from log text.

    python scripts/tables.py output/quickstart
    python scripts/tables.py output --layout table1 --format markdown --output table.md

--layout auto gives one base-to-new table a data set: accuracy in per cent on the test images of base and of new
classes, mean and sample standard deviation over seeds, and H, the harmonic mean of the two means. The other layouts are
those of the paper's tables and of the experiments around them (docs/tables.md). A cell without records is a dash,
and is named below the table.
"""
import argparse
import os
import sys

from compat.errors import UserError
from compat.files import write_file

from .layouts import LAYOUTS, MADE_BY
from .request import read_request
from .text import FORMATS, render


def make_tables(request, layout, paths):
    """Tables of a layout.

    Raises:
        UserError: the records have nothing for it, or two runs claim a cell.
    """
    tables = LAYOUTS[layout](request)
    if not tables:
        kind = "base-to-new" if layout == "auto" else layout
        what = "measurements" if layout == "efficiency" else f"{kind} evaluations"
        asked = " of the methods and data sets asked for" if request.methods or request.datasets else ""
        raise UserError(f"no {what}{asked} in {', '.join(map(str, paths))}: run {MADE_BY[layout]} first")
    return tables


def parse_arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("paths", nargs="+", help="output folders (searched for files of records) or such files")
    parser.add_argument("--layout", choices=LAYOUTS, default="auto")
    parser.add_argument("--format", choices=FORMATS, default="terminal")
    parser.add_argument("--methods", nargs="+", help="rows to show (default: all there are)")
    parser.add_argument("--datasets", nargs="+", help="data sets to show (default: all there are)")
    parser.add_argument("--shots", type=int, help="training images a class (default: those there are, or 16)")
    parser.add_argument("--split", choices=("test", "val"), default="test")
    parser.add_argument("--output", help="file to write to instead of the terminal")
    parser.add_argument("--skip-bad", action="store_true", help="leave out lines that cannot be read")
    return parser.parse_args(argv)


def main(argv=None):
    args = parse_arguments(argv)
    try:
        request = read_request(args.paths, args.methods, args.datasets, args.shots, args.split, args.skip_bad)
        tables = make_tables(request, args.layout, args.paths)
        text = render(tables, args.format, ansi=not args.output and sys.stdout.isatty())
        if args.output:
            write_file(args.output, text + "\n")
        else:
            print(text, flush=True)
    except BrokenPipeError:  # the reader, head for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
