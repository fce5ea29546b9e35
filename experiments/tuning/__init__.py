"""The search for a method's settings on validation images, behind scripts/choose_settings.sh.

    trials.py     the grid, what is drawn from it, and the jobs of each trial
    scores.py     from the records of the jobs to scores, the table of all trials, and the lines of the best for a yaml
    __main__.py   the command line
"""
