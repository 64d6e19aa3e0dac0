"""A training that is stopped and continued, shared by the tests of what can happen to its files."""

from glassnet.train.checkpoint import LATEST, PREVIOUS, read_arrays

from .training import InterruptAt, train


def interrupted(folder):
    """A run with a checkpoint in step 5 and one in step 7."""
    train(folder, callbacks=[InterruptAt(7)], diagnostics=None)
    assert [read_arrays(folder / name)[1]["position"]["step"] for name in (PREVIOUS, LATEST)] == [5, 7]


def undisturbed(folder):
    """The arrays that the training ends with when nothing happens."""
    train(folder, diagnostics=None)
    return read_arrays(folder / LATEST)[0]


def assert_goes_on(folder, whole):
    """Resume, and end with the bits of the run that was not disturbed."""
    train(folder, resume=True, diagnostics=None)
    arrays = read_arrays(folder / LATEST)[0]
    assert {name: a.tobytes() for name, a in arrays.items()} == {name: a.tobytes() for name, a in whole.items()}
    assert not list(folder.glob(".*"))
