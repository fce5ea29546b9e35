"""Make one self-contained HTML page of all tables and figures that the records of some runs give.

    python scripts/report.py output --output output/report.html
"""
import argparse
import sys
from collections.abc import Sequence

from tqdm import tqdm

from compat.errors import UserError, exit_code

from . import confusion
from .page import SECTIONS, Section, make_sections, page_html
from .request import request_of, request_parser, write_output


def run(args: argparse.Namespace) -> None:
    request = request_of(args)
    if not (request.evaluations or request.epochs or request.measurements):
        raise UserError(f"no records in {', '.join(args.paths)}: run scripts/quickstart.sh or scripts/reproduce/*.sh "
                        "first")
    sections, absent = make_sections(request, tqdm(SECTIONS, desc="sections", disable=None))
    tables, drawings = confusion.shown(request)
    if tables:
        sections.append(Section("What is confused", tables, drawings))
    write_output(args.output, page_html(request, sections, absent))
    print(args.output)


def main(argv: Sequence[str] | None = None) -> int:
    parser = request_parser(__doc__.split("\n\n")[0], "report.html", "file to write to (default: report.html)")
    args = parser.parse_args(argv)
    return exit_code(lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())
