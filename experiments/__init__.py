"""What is run and what came of it: catalogue, records, state of runs, the sweep, tables, figures, report."""
