"""What a sweep says while it runs: a bar, a line for each job that ended, and at last what went wrong."""
from tqdm import tqdm

SUCCEEDED, FAILED, SKIPPED = "done", "failed", "skipped"


class Progress:
    """Counts jobs as they end and remembers those that did not come to a good end.

    Attributes:
        jobs: what is to be run. outcomes: {job: "done", "failed" or "skipped"}.
    """

    def __init__(self, jobs):
        self.jobs = list(jobs)
        self.outcomes = {}
        self.bar = tqdm(total=len(self.jobs), unit="job", dynamic_ncols=True, smoothing=0,
                        disable=None)  # no bar in a file

    def ended(self, job, outcome, seconds=0.0, lines=(), log=""):
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

    def can_run(self, job):
        """Whether nothing that the job needs has failed or was skipped."""
        return all(self.outcomes.get(other, SUCCEEDED) == SUCCEEDED for other in job.needs)

    def close(self):
        self.bar.close()

    def troubles(self):
        """Lines that name the jobs that failed or were skipped."""
        return [f"{outcome}: {job.what} ({job.folder})" for job, outcome in self.outcomes.items()
                if outcome != SUCCEEDED]
