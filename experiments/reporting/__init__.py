"""From records of evaluations, epochs and measurements to tables, figures and a report.

    names.py      data sets and methods: order, names for people;  numbers.py: exact means, rounding for print
    paper.py      the paper's two tables (paper/*.csv)
    settings.py   which settings of MAO a run differs in from the default ones
    records.py    which record counts for a cell;  accuracies.py: a cell's accuracies, one a seed
    table.py      what a table is;  layouts.py: the layouts by name, each in a file of its own (table1.py, ...)
    text.py       tables as text: terminal, markdown, LaTeX, CSV;  html.py: as HTML;  page.py: the whole report
    figures/      one file a figure
"""
