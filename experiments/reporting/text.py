"""Tables as text: for the terminal, markdown, LaTeX with booktabs, and CSV with unrounded numbers."""
import csv
import io

from tabulate import SEPARATING_LINE, tabulate

LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
         "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$"}


def groups_begin(table):
    """Numbers of the rows that begin a group: those whose first cell differs from the row before."""
    if table.labels < 2:
        return set()
    return {k for k in range(1, len(table.rows)) if table.rows[k][0].text != table.rows[k - 1][0].text}


def lines(table, bold):
    """Rows as lists of strings. ``bold``: function of a cell's text to its bold form."""
    return [[bold(cell.text) if cell.bold else cell.text for cell in row] for row in table.rows]


def without_repeats(table, rows):
    """Rows with the group's name in its first row only."""
    begin = groups_begin(table)
    return [["", *row[1:]] if table.labels > 1 and k and k not in begin else row for k, row in enumerate(rows)]


def align(table):
    return ["left"] * table.labels + ["right"] * (len(table.columns) - table.labels)


def terminal(table, ansi=False):
    """With a star, or on a terminal that shows it (``ansi``) bold type, for the better of with and without MAO."""
    rows = without_repeats(table, lines(table, "\033[1m{}\033[0m".format if ansi else "*{}".format))
    begin = groups_begin(table)
    ruled = [line for k, row in enumerate(rows) for line in ([SEPARATING_LINE, row] if k in begin else [row])]
    return tabulate(ruled, headers=table.columns, tablefmt="simple", colalign=align(table), disable_numparse=True)


def markdown(table):
    def escape(text):
        return text.replace("\\", "\\\\").replace("|", "\\|")

    rows = [[escape(text) for text in row] for row in lines(table, "**{}**".format)]
    return tabulate(rows, headers=list(map(escape, table.columns)), tablefmt="pipe", colalign=align(table),
                    disable_numparse=True)


def escape_latex(text):
    """Text for LaTeX: special characters as they are printed, a minus as one, a missing number as a dash."""
    if text == "-":
        return "--"
    if text[:1] == "-" and text[1].isdigit():
        return f"$-${text[1:]}"
    return "".join(LATEX.get(character, character) for character in text)


def latex(table):
    """A tabular that needs the package booktabs."""
    begin = groups_begin(table)
    made = [f"% {table.title}", "\\begin{tabular}{%s}" % "".join(place[0] for place in align(table)), r"\toprule",
            " & ".join(map(escape_latex, table.columns)) + r" \\", r"\midrule"]
    escaped = [[f"\\textbf{{{escape_latex(cell.text)}}}" if cell.bold else escape_latex(cell.text) for cell in row]
               for row in table.rows]
    for k, row in enumerate(without_repeats(table, escaped)):
        made += [r"\midrule"] * (k in begin) + [" & ".join(row) + r" \\"]
    return "\n".join([*made, r"\bottomrule", r"\end{tabular}"])


def csv_text(tables):
    """The unrounded numbers of all tables, one a line, with the counts that they come from."""
    data = [row for table in tables for row in table.data]
    columns = list(dict.fromkeys(key for row in data for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(data)
    return text.getvalue().rstrip("\n")


def render(tables, form, ansi=False):
    """All tables as one text, with what is missing and notes.

    Args:
        form: "terminal", "markdown", "latex" or "csv". ansi: whether the terminal shows bold type.
    """
    if form == "csv":
        return csv_text(tables)
    one = {"terminal": lambda table: terminal(table, ansi), "markdown": markdown, "latex": latex}[form]
    blocks = [one(table) if form == "latex" else f"{table.title}\n\n{one(table)}" for table in tables]
    legend = any(cell.bold for table in tables for row in table.rows for cell in row)
    if legend and form != "latex":
        mark = "*" if form == "terminal" and not ansi else "bold"
        blocks.append(f"{mark}: the better of with and without MAO")
    before = "% " if form == "latex" else "- "
    for title in ("Missing", "Note"):
        sentences = dict.fromkeys(sentence for table in tables
                                  for sentence in (table.missing if title == "Missing" else table.notes))
        if sentences:
            blocks.append("\n".join(f"{before}{title}: {sentence}" for sentence in sentences))
    return "\n\n".join(blocks)


FORMATS = ("terminal", "markdown", "latex", "csv")
