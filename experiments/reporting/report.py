"""Make one self-contained HTML page of all tables and figures that the records of some runs give.

    python scripts/report.py output --output output/report.html
"""
import argparse
import sys

from tqdm import tqdm

from compat.errors import UserError
from compat.files import write_file

from .page import make_sections, page_html
from .request import read_request


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("paths", nargs="+", help="output folders (searched for files of records) or such files")
    parser.add_argument("--output", default="report.html", help="file to write to (default: report.html)")
    parser.add_argument("--methods", nargs="+", help="(default: all there are)")
    parser.add_argument("--datasets", nargs="+", help="(default: all there are)")
    parser.add_argument("--shots", type=int, help="training images a class (default: those there are, or 16)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out lines that cannot be read")
    args = parser.parse_args(argv)
    try:
        request = read_request(args.paths, args.methods, args.datasets, args.shots, skip_bad=args.skip_bad)
        if not (request.evaluations or request.epochs or request.measurements):
            raise UserError(f"no records in {', '.join(args.paths)}: run scripts/quickstart.sh or "
                            "scripts/reproduce/*.sh first")
        sections, absent = make_sections(request, lambda steps: tqdm(steps, desc="sections", disable=None))
        write_file(args.output, page_html(request, sections, absent))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
