"""no_grad and enable_grad: as blocks, as decorators, nested, left by an exception, and in other threads."""

import threading

import pytest

import glassnet as gn


def recorded():
    a = gn.tensor(2.0, requires_grad=True)
    return (a * a).requires_grad


def test_nothing_is_recorded_under_no_grad():
    a = gn.tensor(2.0, requires_grad=True)
    with gn.no_grad():
        b = a * a
        assert b.item() == 4.0
        assert not b.requires_grad
        assert b.node is None
        assert gn.tensor(1.0, requires_grad=True).requires_grad
    assert recorded()


def test_blocks_nest():
    with gn.no_grad():
        with gn.enable_grad():
            assert recorded()
            with gn.no_grad():
                assert not recorded()
            assert recorded()
        assert not recorded()
    assert recorded()


@pytest.mark.parametrize("block", [gn.no_grad, gn.enable_grad])
def test_an_exception_restores_what_was_before(block):
    with pytest.raises(ZeroDivisionError), block():
        _ = 1 / 0
    assert recorded()
    with gn.no_grad():
        with pytest.raises(ZeroDivisionError), block():
            _ = 1 / 0
        assert not recorded()


def test_decorators_work_on_every_call():
    @gn.no_grad()
    def without(depth=0):
        return not recorded() and (depth == 0 or without(depth - 1))

    @gn.enable_grad()
    def with_graph():
        return recorded()

    for _ in range(2):
        assert without(depth=3)
        assert recorded()
        with gn.no_grad():
            assert with_graph()
            assert not recorded()


def test_a_part_computed_under_no_grad_is_a_constant():
    a = gn.tensor(3.0, requires_grad=True)
    with gn.no_grad():
        scale = a * 2.0
    (a * scale).backward()
    assert a.grad.item() == 6.0


def test_backward_works_inside_a_block():
    a = gn.tensor(3.0, requires_grad=True)
    out = a * a
    with gn.no_grad():
        out.backward()
    assert a.grad.item() == 6.0


def test_each_thread_has_its_own():
    entered, done = threading.Event(), threading.Event()
    seen = {}

    def predict():
        seen["thread starts"] = recorded()
        with gn.no_grad():
            entered.set()
            done.wait(10)
            seen["thread in its block"] = recorded()

    thread = threading.Thread(target=predict)
    with gn.no_grad():
        thread.start()
        assert entered.wait(10)
    seen["main while the other is in its block"] = recorded()
    done.set()
    thread.join(10)
    assert seen == {
        "thread starts": True,
        "thread in its block": False,
        "main while the other is in its block": True,
    }
