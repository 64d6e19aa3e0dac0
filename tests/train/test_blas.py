"""While compiled steps run, the matrix library has one thread; afterwards as many as before."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import glassnet as gn
from glassnet import nn, optim, train
from glassnet.train.blas import free_blas, limit_blas


def blas_threads():
    (found,) = {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}
    return found


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, "blas"):
        yield


class Note(train.Callback):
    """What it is at the end of each epoch."""

    def __init__(self, error=None):
        self.found, self.error = [], error

    def on_epoch_end(self, loop):
        self.found.append(blas_threads())
        if self.error:
            raise self.error


def trained(compile, error=None):
    x = np.random.default_rng(0).standard_normal((40, 4))
    net, note = nn.Linear(4, 3), Note(error)
    gn.fit(
        net,
        (x, np.arange(40) % 3),
        loss=nn.CrossEntropyLoss(),
        optimizer=optim.SGD(net.parameters(), lr=0.1),
        epochs=2,
        batch_size=8,
        callbacks=[note],
        compile=compile,
        progress=False,
        folder=None,
    )
    return note.found


@pytest.mark.parametrize(("compile", "threads"), [(True, 1), (False, 2)])
def test_one_thread_beside_compiled_steps(compile, threads):
    assert trained(compile) == [threads, threads]
    assert blas_threads() == 2


def test_as_many_as_before_after_an_error():
    with pytest.raises(ZeroDivisionError):
        trained(True, ZeroDivisionError())
    assert blas_threads() == 2


def test_the_last_of_several_trainings_lifts_the_limit():
    limit_blas()
    limit_blas()
    free_blas()
    assert blas_threads() == 1
    free_blas()
    assert blas_threads() == 2
