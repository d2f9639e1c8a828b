"""Runs jobs in forked processes, and reports jobs that hang, use too much memory, or crash their process. Each process
runs many jobs one after another. After a failure, a new process runs the remaining jobs.
"""

import json
import os
import resource
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

SECONDS, BYTES = 10, 2**30  # seconds of processor time, so that a busy machine does not count as a hang
WAITING = 600  # seconds of wall time
EACH = 200  # number of jobs per process
Job = TypeVar("Job")


def verdicts(jobs: Iterable[Job], run: Callable[[Job], str]) -> Iterator[tuple[Job, str]]:
    """Run jobs in forked processes. Yields each job with a description of what went wrong, or "" if nothing did."""
    waiting = iter(jobs)
    while chunk := list(islice(waiting, EACH)):
        while chunk:
            done = 0
            for verdict in _in_process(chunk, run):
                yield chunk[done], verdict
                done += 1
            chunk = chunk[done:]


def _in_process(jobs: Sequence[Job], run: Callable[[Job], str]) -> Iterator[str]:
    """Run jobs in one process and return a verdict on each.

    If the process dies, the result ends with the verdict on the job that killed it.
    """
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.close(reading)
        _work(jobs, run, writing)
    os.close(writing)
    found = 0
    with os.fdopen(reading, encoding="utf-8") as pipe:
        for line in pipe:
            yield json.loads(line)
            found += 1
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        yield "hang" if number in (signal.SIGALRM, signal.SIGPROF) else f"killed by signal {number}"
    elif not found:
        yield f"ended the process with status {os.waitstatus_to_exitcode(status)}"


def _work(jobs: Sequence[Job], run: Callable[[Job], str], writing: int) -> None:
    """Run jobs up to the first failure and write the verdicts to the pipe. The files of the failed job are kept."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for job in jobs:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(WAITING)
        try:
            verdict = run(job)
        except BaseException:
            verdict = "script: " + traceback.format_exc()[-300:]
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        verdict = f"memory: {most >> 20} MB" if most > BYTES else verdict
        os.write(writing, json.dumps(verdict[:2000]).encode() + b"\n")
        if verdict:
            break
    os._exit(0)
