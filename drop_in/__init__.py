"""Puts MAO into a repository of the CoOp family, and takes it out again. The command is scripts/drop_in.py."""
