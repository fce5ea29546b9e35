"""How many cores this process has, and how many worker processes a loader gets of them."""
import joblib

from .errors import UserError


def usable_cores() -> int:
    """Cores that the system, the process's affinity, its cgroup's quota and LOKY_MAX_CPU_COUNT leave; at least 1.

    Raises:
        UserError: LOKY_MAX_CPU_COUNT is no number.
    """
    try:
        return joblib.cpu_count()
    except ValueError as error:
        raise UserError(f"LOKY_MAX_CPU_COUNT in the environment is no whole number ({error}): unset it, or give the "
                        "number of cores to use") from error


def workers_for(wanted: int) -> int:
    """Worker processes for a loader: as many as wanted, at most one a core. Results do not depend on their number."""
    return min(wanted, usable_cores()) if wanted else 0
