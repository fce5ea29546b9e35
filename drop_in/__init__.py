"""Putting MAO into a repository of the CoOp family, and taking it out again. The command is scripts/drop_in.py."""
