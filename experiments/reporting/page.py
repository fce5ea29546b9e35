"""The report: what the one HTML page of all tables and figures holds. How it looks is in report.html, for jinja2."""
import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .figures import FIGURES, NEEDS
from .figures.style import Drawing
from .layouts import LAYOUTS, MADE_BY
from .records import Evaluation, Measurement
from .request import Request
from .table import Table

TITLE = "MAO for Dassl: results"

# (heading, layout of its tables or "", its figures)
SECTIONS = (
    ("Base to new", "table1", ("gain", "plane")),
    ("Base to new, both steps of MAO", "auto", ()),
    ("Cross-data set", "table2", ()),
    ("Domain generalisation", "dg", ()),
    ("Few-shot", "few_shot", ("few_shot",)),
    ("Ablations", "ablation", ("ablation",)),
    ("Cost", "efficiency", ("cost",)),
    ("Training curves", "", ("training",)),
)


@dataclass
class Section:
    """A part of the page that has something to show."""

    heading: str
    tables: list[Table]
    drawings: list[Drawing]


def make_sections(request: Request, wanted: Iterable[tuple[str, str, tuple[str, ...]]] = SECTIONS,
                  ) -> tuple[list[Section], list[str]]:
    """Sections that have something to show, and sentences on those that have nothing.

    Raises:
        UserError: two runs claim a cell of a table.
    """
    sections, absent = [], []
    for heading, layout, figures in wanted:
        tables = LAYOUTS[layout](request) if layout else []
        if layout and not tables:
            absent.append(f"{heading}: no records; {MADE_BY[layout]} makes them.")
        drawings = {name: FIGURES[name](request) for name in figures}
        absent += [f"No figure of {NEEDS[name]}: there are none." for name, found in drawings.items() if not found]
        if tables or any(drawings.values()):
            sections.append(Section(heading, tables, [drawing for found in drawings.values() for drawing in found]))
    return sections, absent


def page_html(request: Request, sections: list[Section], absent: list[str]) -> str:
    """The whole page as text. ``absent``: sentences on what there is nothing of."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True,
                              lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters.update(slug=slug, data_uri=data_uri)
    return environment.get_template("report.html").render(
        title=TITLE, request=request, sections=sections, absent=absent, provenance=provenance(request),
        missing=[sentence for section in sections for table in section.tables for sentence in table.missing])


def slug(name: str) -> str:
    """A name as an id of HTML."""
    return "".join(character if character.isalnum() else "-" for character in name)


def data_uri(drawing: Drawing) -> str:
    """A figure's SVG as an address that holds it."""
    return f"data:image/svg+xml;base64,{base64.b64encode(drawing.svg()).decode()}"


def provenance(request: Request) -> list[tuple[str, str]]:
    """(term, text): when, with which versions and on which devices the records were made."""
    records: list[Evaluation | Measurement] = [*request.evaluations, *request.measurements]
    dates = sorted(record.date for record in records if record.date)
    versions: dict[str, set[str]] = {}
    for record in records:
        for name, version in record.versions.items():
            versions.setdefault(name, set()).add(str(version))
    others = {"device": {record.device for record in records}, "engine": {record.engine for record in records}}
    return [("first", dates[0] if dates else "unknown"), ("last", dates[-1] if dates else "unknown"),
            *((name, ", ".join(sorted(found))) for name, found in sorted(versions.items())),
            *((name, "; ".join(sorted(found - {""}))) for name, found in others.items() if found - {""})]
