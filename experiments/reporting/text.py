"""Tables as text: for the terminal, markdown, LaTeX with booktabs, and CSV with unrounded numbers."""
import csv
import io
import re
from collections.abc import Callable, Sequence

from tabulate import SEPARATING_LINE, tabulate

from .table import Cell, Table

FORMATS = ("terminal", "markdown", "latex", "csv")

LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
         "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "†": r"$\dagger$", "‡": r"$\ddagger$"}
MARKDOWN = re.compile(r"[\\|*`<>\[\]~]|(?<![^\W_])_|_(?![^\W_])")  # an underscore within a word means nothing
FORMULA = re.compile(r"[=+@-](?!\d+$)")

Groups = list[list[list[str]]]


def groups_of(table: Table, show: Callable[[Cell], str], repeat: bool = False) -> Groups:
    """The rows as strings, group by group; the group's name in its first row only, unless ``repeat``."""
    groups = [[[show(cell) for cell in row] for row in rows] for rows in table.groups]
    if table.labels > 1 and not repeat:
        for rows in groups:
            for row in rows[1:]:
                row[0] = ""
    return groups


def align(table: Table) -> list[str]:
    return ["left"] * table.labels + ["right"] * (len(table.columns) - table.labels)


def terminal(table: Table, ansi: bool = False) -> str:
    """With a star, or on a terminal that shows it (``ansi``) bold type, for the better of with and without MAO."""
    def show(cell: Cell) -> str:
        bold = f"\033[1m{cell.text}\033[0m" if ansi else f"*{cell.text}"
        return bold if cell.bold else cell.text

    first, *others = groups_of(table, show)
    ruled: list[list[str] | str] = [*first]
    for rows in others:
        ruled += [SEPARATING_LINE, *rows]
    return tabulate(ruled, headers=table.columns, tablefmt="simple", colalign=align(table), disable_numparse=True)


def escape_markdown(text: str) -> str:
    return MARKDOWN.sub(r"\\\g<0>", text)


def markdown(table: Table) -> str:
    def show(cell: Cell) -> str:
        text = escape_markdown(cell.text)
        return f"**{text}**" if cell.bold else text

    rows = [row for group in groups_of(table, show, repeat=True) for row in group]
    return tabulate(rows, headers=[escape_markdown(text) for text in table.columns], tablefmt="pipe",
                    colalign=align(table), disable_numparse=True)


def escape_latex(text: str) -> str:
    """Text for LaTeX: special characters as they are printed, a minus as one, a missing number as a dash."""
    if text == "-":
        return "--"
    if text[:1] == "-" and text[1].isdigit():
        return f"$-${escape_latex(text[1:])}"
    return "".join(LATEX.get(character, character) for character in text)


def latex(table: Table) -> str:
    """A tabular that needs the package booktabs."""
    def show(cell: Cell) -> str:
        return f"\\textbf{{{escape_latex(cell.text)}}}" if cell.bold else escape_latex(cell.text)

    def line(cells: Sequence[str]) -> str:
        return " & ".join(cells) + r" \\"

    columns = "".join(place[0] for place in align(table))
    made = [f"% {table.title}", f"\\begin{{tabular}}{{{columns}}}", r"\toprule",
            line([escape_latex(text) for text in table.columns])]
    for rows in groups_of(table, show):
        made += [r"\midrule", *map(line, rows)]
    return "\n".join([*made, r"\bottomrule", r"\end{tabular}"])


def csv_text(tables: Sequence[Table]) -> str:
    """The unrounded numbers of all tables, one per line, with the counts that they come from.

    Text that a spreadsheet would run as a formula has an apostrophe before it.
    """
    data = [{key: f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value
             for key, value in row.items()} for table in tables for row in table.data]
    columns = list(dict.fromkeys(key for row in data for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(data)
    return text.getvalue().rstrip("\n")


def render(tables: Sequence[Table], form: str, ansi: bool = False) -> str:
    """All tables as one text, with what is missing and notes.

    Args:
        form: one of FORMATS. ansi: whether the terminal shows bold type.
    """
    if form == "csv":
        return csv_text(tables)
    plain: Callable[[str], str] = escape_markdown if form == "markdown" else str
    if form == "latex":
        blocks = [latex(table) for table in tables]
    else:
        blocks = [f"{plain(table.title)}\n\n{markdown(table) if form == 'markdown' else terminal(table, ansi)}"
                  for table in tables]
        if any(table.has_bold for table in tables):
            mark = "*" if form == "terminal" and not ansi else "bold"
            blocks.append(f"{mark}: the better of with and without MAO")
    before = "% " if form == "latex" else "- "
    missing = [f"{before}Missing: {plain(sentence)}" for table in tables for sentence in table.missing]
    notes = [f"{before}Note: {plain(sentence)}" for table in tables for sentence in table.notes]
    blocks += ["\n".join(dict.fromkeys(sentences)) for sentences in (missing, notes) if sentences]
    return "\n\n".join(blocks)
