"""One warm process for all scripts that these tests run, and a fork to put MAO into."""
import pytest
from miniature_forks import copied
from warm_process import WarmPython

from drop_in import checks


@pytest.fixture(scope="session")
def warm_python():
    with WarmPython() as python:
        yield python


@pytest.fixture(scope="session")
def warm_checks(warm_python, tmp_path_factory):
    """The drop-in tool's questions to a fork are answered by children of the warm process."""
    log = tmp_path_factory.mktemp("checks") / "log.txt"

    def run_process(root, request):
        return warm_python.run(root, log, str(checks.INSIDE), request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "run_process", run_process)
        yield


@pytest.fixture
def fork(repository, tmp_path):
    return copied(repository, tmp_path, "coop_like")
