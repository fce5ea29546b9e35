"""Sweeps: the runs behind a table of the paper, planned, run by an engine, and handed to the table.

    job.py        a job: one command line of train.py, its folder, key and state
    options.py    what the caller chose;  protocols.py, ablations.py, efficiency.py: from that to the jobs of a table
    plan.py       which folder each job gets, and what is left to do;  data.py: whether the data are there
    engine_none.py, engine_ray.py    run the jobs of a plan;  progress.py: what they say meanwhile
    process.py    one job as a process with a log;  warm.py: forked from one that has imported everything (preloaded.py)
    tables.py     which jobs make which table, and the table at the end
    __main__.py   the command line behind scripts/reproduce/*.sh and scripts/quickstart.sh
"""
