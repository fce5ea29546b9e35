"""The report: one HTML page that holds all tables and figures of some records, and says what is missing."""
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template

from .figures import FIGURES, NEEDS
from .html import drawing_html, list_html, slug, table_html
from .layouts import LAYOUTS, MADE_BY

TEMPLATE = Path(__file__).resolve().parent / "report.html"
TITLE = "MAO for Dassl: results"

# (heading, layout of its tables or "", its figures)
SECTIONS = (
    ("Base to new", "table1", ("gain", "plane")),
    ("Base to new, both steps of MAO", "auto", ()),
    ("Cross-data set", "table2", ()),
    ("Domain generalisation", "dg", ()),
    ("Few-shot", "few_shot", ()),
    ("Ablations", "ablation", ("ablation",)),
    ("Cost", "efficiency", ("cost",)),
    ("Training curves", "", ("training",)),
)


@dataclass
class Section:
    """A part of the page that has something to show."""

    heading: str
    tables: list = field(default_factory=list)
    drawings: list = field(default_factory=list)

    def html(self):
        parts = [f'<section id="{slug(self.heading)}"><h2>{escape(self.heading)}</h2>']
        parts += map(table_html, self.tables)
        if any(cell.bold for table in self.tables for row in table.rows for cell in row):
            parts.append('<p class="note">Bold: the better of with and without MAO. A dash: missing.</p>')
        notes = [note for table in self.tables for note in table.notes]
        parts += [list_html(notes)] if notes else []
        parts += map(drawing_html, self.drawings)
        return "\n".join([*parts, "</section>"])


def make_sections(request, progress=lambda steps: steps):
    """Sections that have something to show, and sentences on those that have nothing.

    Args:
        progress: wraps the list of sections, to show how far it is.

    Raises:
        UserError: two runs claim a cell of a table.
    """
    sections, absent = [], []
    for heading, layout, figures in progress(SECTIONS):
        tables = LAYOUTS[layout](request) if layout else []
        if layout and not tables:
            absent.append(f"{heading}: no records; {MADE_BY[layout]} makes them.")
        drawings = []
        for name in figures:
            found = FIGURES[name](request)
            drawings += found
            if not found:
                absent.append(f"No figure of {NEEDS[name]}: there are none.")
        if tables or drawings:
            sections.append(Section(heading, tables, drawings))
    return sections, absent


def page_html(request, sections, absent):
    """The whole page as text. ``absent``: sentences on what there is nothing of."""
    missing = [sentence for section in sections for table in section.tables for sentence in table.missing]
    parts = [section.html() for section in sections]
    parts.append('<section id="missing"><h2>What is missing</h2>')
    parts.append("<p>Evaluations that the tables above lack:</p>" + list_html(missing) if missing
                 else "<p>The tables above have no missing cells.</p>")
    parts.append((list_html(absent) if absent else "") + "</section>")
    parts.append(f'<section id="records"><h2>Records</h2>{provenance_html(request)}</section>')
    links = [(slug(section.heading), section.heading) for section in sections]
    links += [("missing", "What is missing"), ("records", "Records")]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=TITLE, summary=escape(summary(request)), body="\n".join(parts),
        contents="".join(f'<li><a href="#{name}">{escape(text)}</a></li>' for name, text in links))


def summary(request):
    return (f"Made from {len(request.evaluations)} evaluations, {len(request.epochs)} epochs of training and "
            f"{len(request.measurements)} measurements of cost. Accuracies are in per cent.")


def provenance_html(request):
    """When, with which versions and on which devices the records were made."""
    records = request.evaluations + request.measurements
    dates = sorted(str(record["date"]) for record in records if record.get("date"))
    versions = {}
    for record in records:
        for name, version in record.get("versions", {}).items():
            versions.setdefault(name, set()).add(str(version))
    rows = [("first", dates[0] if dates else "unknown"), ("last", dates[-1] if dates else "unknown")]
    rows += [(name, ", ".join(sorted(found))) for name, found in sorted(versions.items())]
    for key in ("device", "engine"):
        found = sorted({str(record[key]) for record in records if record.get(key)})
        rows += [(key, "; ".join(found))] if found else []
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows) + "</dl>"
