"""What a sweep says while it runs: a bar, a line for each job that ended, and at last what went wrong."""
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Literal

from tqdm import tqdm

from .job import Job

End = Literal["done", "failed", "skipped"]
SUCCEEDED: End = "done"
FAILED: End = "failed"
SKIPPED: End = "skipped"


class Progress:
    """Counts jobs as they end and remembers those that did not come to a good end.

    Attributes:
        jobs: what is to be run. outcomes: how each job ended.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self.jobs = list(jobs)
        self.outcomes: dict[Job, End] = {}
        self.start = time.perf_counter()
        self.bar = tqdm(total=len(self.jobs), unit="job", dynamic_ncols=True, smoothing=0,
                        disable=None)  # no bar in a file

    def begins(self, job: Job) -> None:
        self.bar.set_postfix_str(job.what)

    def ended(self, job: Job, outcome: End, seconds: float = 0.0, lines: Sequence[str] = (), log: str = "") -> None:
        self.outcomes[job] = outcome
        position = f"[{len(self.outcomes)}/{len(self.jobs)}]"
        if outcome == SUCCEEDED:
            self.bar.write(f"{position} {job.what}: {seconds:.0f} s")
        elif outcome == FAILED:
            self.bar.write("\n".join([f"{position} {job.what}: failed", *(f"    {line}" for line in lines),
                                      f"    the whole log is {log}"]))
        else:
            self.bar.write(f"{position} {job.what}: skipped, because a job that it needs was not done")
        self.bar.update()

    def can_run(self, job: Job) -> bool:
        """Whether nothing that the job needs has failed or was skipped."""
        return all(self.outcomes.get(other, SUCCEEDED) == SUCCEEDED for other in job.needs)

    def close(self) -> None:
        self.bar.close()
        minutes, seconds = divmod(round(time.perf_counter() - self.start), 60)
        print(f"This took {minutes} min {seconds} s.", file=sys.stderr)

    def troubles(self) -> list[str]:
        """Lines that name the jobs that failed or were skipped."""
        return [f"{outcome}: {job.what} ({job.folder})" for job, outcome in self.outcomes.items()
                if outcome != SUCCEEDED]
