"""Sweeps: the runs behind a table of the paper, planned, run by an engine, and handed to the table.

    job.py         a job: one command line of train.py, its folder, key and state
    methods.py     trainers, their yaml files, data sets
    protocols.py   from a table's name to its jobs;  ablations.py, efficiency.py: those of two of the tables
    plan.py        which folder each job gets, and which jobs are done, incomplete, not started
    process.py     one job as a subprocess with a log
    engine_none.py, engine_ray.py   run the jobs of a plan;  progress.py: what they say meanwhile
    tables.py    which jobs make which table, and the table at the end
    __main__.py    the command line behind scripts/reproduce/*.sh
"""
