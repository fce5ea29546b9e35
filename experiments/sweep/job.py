"""A job: one command line of train.py, or of a program that takes the same words."""
import shlex
from dataclasses import dataclass, field

DONE, INCOMPLETE, NOT_STARTED = "done", "incomplete", "not started"


@dataclass(eq=False)
class Job:
    """One run. It is its arguments: two jobs with the same key are the same run.

    Attributes:
        what: name for people. folder: output folder. flags: words before ``--output-dir``, of train.py's command line.
        options: KEY VALUE pairs. starts_from: job of step 1 (MAO.BASE_DIR). tests: job whose model is tested.
        program: what runs it. dataset: its registered name; it, digest, key and state are filled in by ``plan``.
    """

    what: str
    folder: str
    flags: list
    options: list = field(default_factory=list)
    starts_from: "Job" = None
    tests: "Job" = None
    program: str = "train.py"
    dataset: str = ""
    digest: str = ""
    key: str = ""
    state: str = NOT_STARTED

    @property
    def needs(self):
        """Jobs that have to be done before this one."""
        return [job for job in (self.starts_from, self.tests) if job is not None]

    def arguments(self):
        """Words after the program's name. MAO.BASE_DIR comes first, so that the caller's pairs can override it."""
        words = [*self.flags, "--output-dir", self.folder]
        if self.tests is not None:
            words += ["--model-dir", self.tests.folder, "--eval-only"]
        if self.starts_from is not None:
            words += ["MAO.BASE_DIR", self.starts_from.folder]
        return [*words, *map(str, self.options)]

    def command(self, python="python"):
        """The command line as a shell takes it."""
        return shlex.join([python, self.program, *self.arguments()])
