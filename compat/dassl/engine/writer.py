"""Scalars for tensorboard.

Event files are written here through tensorboard's own records, in the calling thread: its SummaryWriter writes from a
thread of its own, where a full disk cannot be caught. They are imported inside functions because tensorboard is an
optional package.
"""
import os
import platform
import time
from typing import IO, Any


class ScalarWriter:
    """A file is made with the first scalar.

    Where tensorboard is not installed, or the file cannot be written to, a line says so and the run goes on without.
    """

    def __init__(self, log_dir: str) -> None:
        self._log_dir = log_dir
        self._file: IO[bytes] | None = None
        self._records: Any = None  # tensorboard's RecordWriter
        self._given_up = False

    def add(self, tag: str, value: float, step: int | None) -> None:
        if self._given_up:
            return
        try:
            if self._records is None:
                self._open()
            from tensorboard.compat.proto.summary_pb2 import Summary

            self._write(step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=float(value))]))
        except ImportError:
            self._give_up("tensorboard is not installed")
        except OSError as error:
            self._give_up(f"{self._log_dir!r}: {error.strerror}")

    def close(self) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                print(f"tensorboard scalars are not complete ({self._log_dir!r}: {error.strerror})")
        self._file = self._records = None

    def _open(self) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        os.makedirs(self._log_dir, exist_ok=True)
        name = f"events.out.tfevents.{time.time_ns() // 1000}.{platform.node()}.{os.getpid()}"
        self._file = open(os.path.join(self._log_dir, name), "wb")
        self._records = RecordWriter(self._file)
        self._write(file_version="brain.Event:2")

    def _write(self, **fields: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=time.time(), **fields).SerializeToString())

    def _give_up(self, reason: str) -> None:
        self._given_up = True
        print(f"no tensorboard scalars from here on ({reason})")
        self.close()
