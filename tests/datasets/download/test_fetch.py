"""Downloads over HTTP from a local server that serves good, broken, slow and changing files."""
import contextlib
import gzip
import hashlib
import random
import socketserver
import threading
from collections import namedtuple

import pytest
from local_server import LocalServer

from compat.errors import UserError
from datasets.download import fetch as fetching
from datasets.download import space
from datasets.download.fetch import fetch

CONTENT = random.Random(1).randbytes(300_000)
PIECE = fetching.CHUNK  # servers break off after whole pieces here, so that nothing that arrived is lost
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = {"timeout": (2, 0.5), "first_wait": 0.01}


@pytest.fixture
def server():
    server = LocalServer()
    server.files["file.bin"] = CONTENT
    yield server
    server.close()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new folder" / "file.bin"


def complete(target, content=CONTENT):
    """Whether the file is there and nothing else."""
    return target.read_bytes() == content and [path.name for path in target.parent.iterdir()] == [target.name]


def ranges(server):
    return [wanted for _, wanted in server.requests]


@pytest.mark.parametrize("checksum", [None, f"sha256:{SHA256}", f"md5:{hashlib.md5(CONTENT).hexdigest().upper()}"])
def test_a_file_arrives_whole_and_leaves_nothing_else(server, target, checksum, capfd):
    assert fetch(server.url("file.bin"), target, checksum, **QUICK) == SHA256
    assert complete(target)
    assert "file.bin" in capfd.readouterr().err  # the progress bar


def test_a_truncated_transfer_is_completed(server, target):
    server.cut["file.bin"] = [2 * PIECE, 0, PIECE]
    assert fetch(server.url("file.bin"), target, **QUICK) == SHA256
    assert complete(target)
    assert ranges(server) == [None, *(f"bytes={count * PIECE}-" for count in (2, 2, 3))]


def test_a_stalled_transfer_is_completed(server, target):
    server.stall["file.bin"] = [PIECE]
    assert fetch(server.url("file.bin"), target, **QUICK) == SHA256
    assert complete(target) and ranges(server) == [None, f"bytes={PIECE}-"]


def test_a_later_call_goes_on_with_what_arrived(server, target):
    server.cut["file.bin"] = [PIECE, 0, 0]
    with pytest.raises(UserError, match="broke off 2 times in a row.*what has arrived is kept"):
        fetch(server.url("file.bin"), target, retries=1, **QUICK)
    assert not target.exists()
    server.cut.clear()
    assert fetch(server.url("file.bin"), target, **QUICK) == SHA256
    assert complete(target) and ranges(server)[-1] == f"bytes={PIECE}-"


def broken_off(server, target):
    server.cut["file.bin"] = [PIECE, 0]
    with pytest.raises(UserError):
        fetch(server.url("file.bin"), target, retries=0, **QUICK)
    server.cut.clear()
    assert fetching.size_of(target.with_name("file.bin.part")) == PIECE


def test_a_file_that_changed_in_between_is_fetched_from_its_start(server, target):
    broken_off(server, target)
    changed = server.files["file.bin"] = bytes(reversed(CONTENT))
    fetch(server.url("file.bin"), target, **QUICK)
    assert complete(target, changed)


def test_a_file_that_became_shorter_is_fetched_from_its_start(server, target):
    broken_off(server, target)
    server.files["file.bin"] = b"short"
    fetch(server.url("file.bin"), target, **QUICK)
    assert complete(target, b"short")


def test_a_server_without_ranges_sends_the_whole_file_again(server, target):
    server.no_ranges = True
    broken_off(server, target)
    assert fetch(server.url("file.bin"), target, **QUICK) == SHA256 and complete(target)


def test_without_a_mark_of_the_version_nothing_is_continued(server, target):
    server.no_mark = True
    broken_off(server, target)
    assert fetch(server.url("file.bin"), target, **QUICK) == SHA256 and complete(target)
    assert ranges(server)[-1] is None  # nobody knows whether the rest is of the same file


def test_another_address_does_not_continue_the_partial_file(server, target):
    broken_off(server, target)
    server.files["other.bin"] = bytes(reversed(CONTENT))
    fetch(server.url("other.bin"), target, **QUICK)
    assert complete(target, server.files["other.bin"])


def test_a_partial_file_that_is_whole_is_taken(server, target):
    broken_off(server, target)
    target.with_name("file.bin.part").write_bytes(CONTENT)
    assert fetch(server.url("file.bin"), target, **QUICK) == SHA256 and complete(target)
    assert ranges(server)[-1] == f"bytes={len(CONTENT)}-"


def test_a_partial_file_that_is_too_long_is_fetched_anew(server, target):
    broken_off(server, target)
    target.with_name("file.bin.part").write_bytes(CONTENT + b"more")
    assert fetch(server.url("file.bin"), target, **QUICK) == SHA256 and complete(target)


def test_redirects_are_followed(server, target):
    server.redirect["old.bin"] = server.url("file.bin")
    assert fetch(server.url("old.bin"), target, **QUICK) == SHA256 and complete(target)
    server.redirect["round"] = server.url("round")
    with pytest.raises(UserError, match="redirects.*sources.json"):
        fetch(server.url("round"), target.with_name("round"), **QUICK)


def test_a_busy_server_is_asked_again(server, target):
    server.status["file.bin"] = [503, 429, 500]
    assert fetch(server.url("file.bin"), target, **QUICK) == SHA256 and complete(target)


def test_an_address_that_is_gone_is_not_asked_again(server, target):
    with pytest.raises(UserError, match="gone.bin answers HTTP 404 .*by hand"):
        fetch(server.url("gone.bin"), target, **QUICK)
    assert len(server.requests) == 1 and not list(target.parent.iterdir())


def test_a_host_that_does_not_answer_is_given_up_after_the_retries(server, target):
    url = server.url("file.bin")
    server.close()
    with pytest.raises(UserError, match="broke off 2 times in a row .ConnectionError"):
        fetch(url, target, retries=1, **QUICK)


def test_a_wrong_checksum_leaves_nothing(server, target):
    with pytest.raises(UserError) as caught:
        fetch(server.url("file.bin"), target, "sha256:" + "0" * 64, **QUICK)
    assert SHA256 in str(caught.value) and "0" * 64 in str(caught.value)
    assert not list(target.parent.iterdir())


def test_nothing_is_fetched_without_room_for_it(server, target, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: usage(1, 1, space.SPARE + len(CONTENT) - 1))
    with pytest.raises(UserError, match="needs 0.00 GB, but .* has 0.05 GB free: make room"):
        fetch(server.url("file.bin"), target, **QUICK)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: usage(1, 1, space.SPARE + len(CONTENT)))
    assert fetch(server.url("file.bin"), target, **QUICK) == SHA256


def test_a_folder_that_cannot_be_written_to_is_named(server, target, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(fetching, "write_mark", refuse)
    with pytest.raises(UserError, match="cannot write .*Permission denied"):
        fetch(server.url("file.bin"), target, **QUICK)


@pytest.fixture
def hostile():
    """Makes a server that answers every request with these bytes, the last ones again and again if ``endless``."""
    servers = []

    def serving(head, body=b"", endless=False):
        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                self.request.recv(4096)
                with contextlib.suppress(OSError):
                    self.request.sendall(head + b"\r\n\r\n" + body)
                    while endless:
                        self.request.sendall(body)

        servers.append(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))
        servers[-1].daemon_threads = True
        threading.Thread(target=servers[-1].serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}/file.bin"

    yield serving
    for server in servers:
        server.shutdown()
        server.server_close()


OK = b"HTTP/1.1 200 OK"
HOSTILE = {
    "an endless body": (OK, b"x" * 10_000, True, "sends more than"),
    "an endless body in chunks": (OK + b"\r\nTransfer-Encoding: chunked", b"1000\r\n" + b"x" * 4096 + b"\r\n", True,
                                  "sends more than"),
    "a claim of 10 GB": (OK + b"\r\nContent-Length: 10000000000", b"x", False, "sends more than"),
    "a claim without end": (OK + b"\r\nContent-Length: " + b"9" * 5000, b"x", False, "sends more than"),
    "a compressed bomb": (OK + b"\r\nContent-Encoding: gzip", gzip.compress(bytes(10**7)), False, "sends more than"),
    "a length that is too long": (OK + b"\r\nContent-Length: 100", b"x", False, "broke off"),
    "a negative length": (OK + b"\r\nContent-Length: -5", b"x", False, "has the md5"),
    "a way to a file": (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0", b"", False,
                        "cannot fetch"),
    "a way to nowhere": (b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0", b"", False, "cannot fetch"),
    "no HTTP": (b"hello", b"x", False, "broke off"),
    "headers without end": (OK + b"".join(b"\r\nX-%d: x" % number for number in range(500)), b"", False, "broke off"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_server_is_left_with_a_sentence_and_fills_no_disk(hostile, target, case):
    head, body, endless, words = HOSTILE[case]
    with pytest.raises(UserError, match=words):
        fetch(hostile(head, body, endless), target, "md5:" + "0" * 32, limit=10**6, retries=1, **QUICK)
    assert not target.exists() and sum(path.stat().st_size for path in target.parent.iterdir()) < 10**5
