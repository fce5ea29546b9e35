"""Tables and figures as HTML: headers that say what they are of, boxes that scroll sideways on a narrow screen."""
import base64
from html import escape
from itertools import groupby

from .table import MISSING


def table_html(table):
    """A captioned table in a box of its own that scrolls. Rows with the same first cell share one row header."""
    begin = f'<div class="scroll" role="region" tabindex="0" aria-labelledby="caption-{slug(table.name)}">'
    head = "".join(f'<th scope="col"{" class=name" if k < table.labels else ""}>{escape(text)}</th>'
                   for k, text in enumerate(table.columns))
    caption = f'<caption id="caption-{slug(table.name)}"><span>{escape(table.title)}</span></caption>'
    return f"{begin}<table>{caption}<thead><tr>{head}</tr></thead>{bodies(table)}</table></div>"


def bodies(table):
    if table.labels == 1:
        return "<tbody>" + "".join(row_html([("row", 1, row[0])], row[1:]) for row in table.rows) + "</tbody>"
    made = []
    for _, group in groupby(table.rows, key=lambda row: row[0].text):
        rows = list(group)
        lines = [row_html([*([("rowgroup", len(rows), row[0])] if k == 0 else []), ("row", 1, row[1])], row[2:])
                 for k, row in enumerate(rows)]
        made.append("<tbody>" + "".join(lines) + "</tbody>")
    return "".join(made)


def row_html(headers, cells):
    """A table row. ``headers``: (scope, rows it spans, Cell). ``cells``: the others."""
    made = []
    for scope, span, cell in headers:
        spans = f' rowspan="{span}"' if span > 1 else ""
        made.append(f'<th scope="{scope}"{spans}>{escape(cell.text)}</th>')
    for cell in cells:
        if cell.text == MISSING:
            made.append('<td><span aria-label="missing">–</span></td>')
        else:
            text = escape(cell.text)
            made.append(f"<td><strong>{text}</strong></td>" if cell.bold else f"<td>{text}</td>")
    return "<tr>" + "".join(made) + "</tr>"


def drawing_html(drawing):
    """A figure with its picture inside the page, as SVG."""
    picture = base64.b64encode(drawing.svg()).decode()
    width, height = (round(96 * inches) for inches in drawing.figure.get_size_inches())
    return (f'<figure id="figure-{slug(drawing.name)}"><div class="scroll picture" role="region" tabindex="0" '
            f'aria-label="figure {escape(drawing.name)}"><img src="data:image/svg+xml;base64,{picture}" '
            f'width="{width}" height="{height}" alt="{escape(drawing.description)}"></div>'
            f"<figcaption>{escape(drawing.caption)}</figcaption></figure>")


def list_html(sentences):
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in dict.fromkeys(sentences)) + "</ul>"


def slug(name):
    return "".join(character if character.isalnum() else "-" for character in name)
