"""Runs scripts in children of a process that has imported torch and its like: start-up is most of a short run.

That process imports nothing of this repository, so that a child finds its modules where a fresh process does: beside
the script. Each child has its own memory, random numbers and exit code.
"""
import atexit
import gc
import json
import os
import runpy
import subprocess
import sys


class WarmPython:
    """A process to fork from; ``run`` takes the place of ``subprocess.run([sys.executable, script, ...], cwd=...)``."""

    def __enter__(self):
        self.server = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True)
        return self

    def __exit__(self, *_):
        self.server.stdin.close()
        self.server.wait()

    def run(self, folder, log, script, *arguments):
        """Run a script in a folder until it ends; (exit code, what it printed), of which ``log`` keeps a copy."""
        words = [script, *map(str, arguments)]
        self.server.stdin.write(json.dumps([str(folder), str(log), words, dict(os.environ)]) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline()), log.read_text()


def serve():
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run_here(*json.loads(line))
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)  # to take torch apart object by object would take a second
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def run_here(folder, log, words, environment):
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv, sys.path[0] = words, str(folder)
    runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    import torch._dynamo  # noqa: F401  which the first step of an optimizer imports
    import torchvision  # noqa: F401
    import yacs.config  # noqa: F401

    gc.freeze()  # no child looks through it
    serve()
