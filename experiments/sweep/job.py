"""A job: one command line of train.py, or of a program that takes the same words."""
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Optional

from runs.identity import Identity

State = Literal["not started", "incomplete", "done"]
NOT_STARTED: State = "not started"
INCOMPLETE: State = "incomplete"
DONE: State = "done"

TRAIN = ("train.py",)


@dataclass(eq=False)
class Job:
    """One run. It is its arguments: two jobs with the same key are the same run.

    Attributes:
        what: name for people. folder: output folder. flags: words of train.py's command line, without the folders that
            depend on other jobs. pairs: KEY VALUE pairs. starts_from: the job of step 1 (MAO.BASE_DIR). tests: the job
            whose model is tested. program: words behind ``python``. dataset: its registered name; ``plan`` fills it in,
            and identity (None while the data are not there) and state.
    """

    what: str
    folder: str
    flags: list[str]
    pairs: Sequence[object] = ()
    starts_from: Optional["Job"] = None
    tests: Optional["Job"] = None
    program: tuple[str, ...] = TRAIN
    dataset: str = field(default="", init=False)
    identity: Identity | None = field(default=None, init=False)
    state: State = field(default=NOT_STARTED, init=False)

    @property
    def key(self) -> str:
        """Digest of the identity; "" while that is not known."""
        return self.identity.digest if self.identity is not None else ""

    @property
    def needs(self) -> list["Job"]:
        """Jobs that have to be done before this one."""
        return [job for job in (self.starts_from, self.tests) if job is not None]

    def arguments(self) -> list[str]:
        """Words behind the program. MAO.BASE_DIR comes first of the pairs, so that the caller's can override it."""
        words = [*self.flags, "--output-dir", self.folder]
        if self.tests is not None:
            words += ["--model-dir", self.tests.folder, "--eval-only"]
        if self.starts_from is not None:
            words += ["MAO.BASE_DIR", self.starts_from.folder]
        return [*words, *map(str, self.pairs)]

    def command(self, python: str = "python") -> str:
        """The command line as a shell takes it."""
        return shlex.join([python, *self.program, *self.arguments()])


def each_once(jobs: Iterable[Job]) -> list[Job]:
    """One job per folder, in the order of the first ones; each needs those that stand for the folders that it needs."""
    found: dict[str, Job] = {}
    for job in jobs:
        found.setdefault(job.folder, job)
    for job in found.values():
        job.starts_from = job.starts_from and found[job.starts_from.folder]
        job.tests = job.tests and found[job.tests.folder]
    return list(found.values())
