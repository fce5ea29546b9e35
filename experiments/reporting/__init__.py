"""From records of evaluations, epochs and measurements to tables, figures and a report.

The way of an accuracy, one file per station:

    records.py    a line of a file -> Evaluation (also Epoch, Measurement)
    cells.py      evaluations -> Cells: which one counts for a cell and seed; settings.py tells ablations apart
    accuracy.py   a cell -> Accuracy: mean and deviation over seeds, beside the paper's (paper.py; numbers.py)
    layouts.py    a Request (request.py) -> Tables (table.py); each layout is a file, groups.py what several share
    text.py       Tables -> terminal, markdown, LaTeX, CSV
    page.py       tables and figures -> the report (report.html);  figures/: one file per figure
"""
