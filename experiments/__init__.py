"""What is run, and what its records show: catalogue, single runs, the sweep, tables, figures, report."""
