"""Run jobs in processes of this machine or on the workers of a Dask scheduler."""

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from threading import RLock, Thread

from tqdm import tqdm


def end_with_parent() -> None:
    """Wait for the end of the parent, be it a kill, and end this process."""
    parent_process().join()
    os._exit(1)  # sys.exit would end no more than this thread


def begin_worker() -> None:
    """Prepare a process for jobs: it ends with its parent, to whom Ctrl-C is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tqdm.set_lock(RLock())  # its default lock outlives a process that is terminated
    Thread(target=end_with_parent, daemon=True).start()


@contextmanager
def local_executor() -> Iterator[Executor]:
    """Open two processes; an exception in the block, Ctrl-C too, ends them at once."""
    with ProcessPoolExecutor(2, get_context("spawn"), begin_worker) as executor:
        try:
            yield executor
        except BaseException:  # without this, leaving would wait for every job
            executor.shutdown(wait=False, cancel_futures=True)
            for worker in active_children():
                worker.terminate()
            raise


@contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """Open a scheduler, as tcp://host:8786; it drops our jobs when the block is left.

    A job that a worker has begun goes on there to its end, for nobody.
    """
    try:
        from distributed import Client
    except ImportError:
        sys.exit("A scheduler needs Dask: pip install -e '.[scheduler]'")
    try:
        client = Client(address)
    except (OSError, ValueError) as error:
        sys.exit(f"{address}: no scheduler answers ({error})")
    with client:
        yield client.get_executor(pure=False)  # pure would hand out an old result
