"""Steps that are shared among threads have the bits of one thread, and nobody waits for ever."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

import glassnet as gn
from glassnet import nn, optim
from glassnet.compiler import program as program_module
from glassnet.compiler.phases import units
from glassnet.compiler.program import Program
from glassnet.compiler.team import Team

from .large import make_large
from .test_networks import NETWORKS, adamw, works

X = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
Y = np.arange(40) % 3


@pytest.fixture
def everything_is_shared(monkeypatch):
    """On three cores."""
    make_large(monkeypatch)
    monkeypatch.setattr(program_module, "available_threads", lambda: 3)


def result(step, threads, steps=3):
    """What so many steps by so many threads tell, and the memory that they leave."""
    program = Program(step.record, step.program.tables, threads)
    program.restore(step.program.snapshot())
    rows, rates, words = program.example(steps)
    told = program.run(rows, rates + 0.01, 1, words + np.uint32(7))
    return {**told, "state": program.snapshot()}, program.threads


def assert_the_same_for_all(work, counts=(3,), shared=True):
    step = work.compiled()
    wanted, _ = result(step, 1)
    for threads in counts:
        found, used = result(step, threads)
        assert used == threads or not shared
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array, err_msg=f"{name} with {threads} threads\n{step.source}")


@pytest.mark.usefixtures("everything_is_shared")
@pytest.mark.parametrize("name", ["names", "wavenet", "conv2d", "dropout"])
def test_known_networks(name):
    assert_the_same_for_all(NETWORKS[name])


@pytest.mark.usefixtures("everything_is_shared")
def test_more_threads_than_cores():
    assert_the_same_for_all(NETWORKS["wide"], [2 * (os.cpu_count() or 1) + 3])


@given(work=works())
@settings(max_examples=4)
def test_drawn_networks(work):
    with pytest.MonkeyPatch.context() as patch:
        make_large(patch)
        assert_the_same_for_all(work, shared=False)  # a tiny one may be a single unit


def test_a_step_with_adam_can_be_shared_and_cut():
    """What is computed once a step, such as the corrections of its means, ties nothing together."""
    program = replace(NETWORKS["wide"], optimizer=adamw).compiled().program
    sizes = [len(unit) for unit in units(program.body)]
    assert max(sizes) <= 6
    assert len(sizes) > 15


@pytest.mark.parametrize(("hidden", "threads"), [(16, 1), (8192, 2)])
def test_only_large_steps_are_shared(monkeypatch, hidden, threads):
    monkeypatch.setattr(program_module, "available_threads", lambda: 2)
    net = nn.Linear(128, hidden)
    compiled = gn.compile(lambda x: {"sum": (net(x) ** 2).mean()}, net)
    compiled(np.zeros((100, 128)))
    assert compiled._latest.program.threads == threads


# Nobody waits for ever


def small():
    gn.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


def trained(net=None):
    """The weights after a training."""
    net = net or small()
    options = {"epochs": 5, "batch_size": 8, "progress": False, "folder": None, "diagnostics": None}
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    gn.fit(net, (X, Y), loss=nn.CrossEntropyLoss(), optimizer=optimizer, compile=True, **options)
    return net[0].weight.data


@pytest.mark.usefixtures("everything_is_shared")
def test_trainings_in_several_threads_of_python():
    alone, found = trained(), []
    nets = [small() for _ in range(4)]  # the generator of initial weights is one for all threads
    threads = [threading.Thread(target=lambda net=net: found.append(trained(net)), daemon=True) for net in nets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    for weights in found:
        np.testing.assert_array_equal(weights, alone)


def test_two_calls_do_not_each_get_a_part_of_the_team(monkeypatch):
    team, errors = Team(3), []
    submit = team._others.submit

    def slowly(*arguments):
        time.sleep(0.02)
        return submit(*arguments)

    monkeypatch.setattr(team._others, "submit", slowly)

    def call():
        together = threading.Barrier(3, timeout=5)
        try:
            team.run(lambda _: together.wait())
        except threading.BrokenBarrierError as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


PROGRAM = """
    import os, sys
    from glassnet.compiler import phases, program
    phases.STEP_WORK = phases.STATEMENT_WORK = 0
    program.available_threads = lambda: 3
    sys.path.insert(0, sys.argv[1])
    from tests.compiler.test_share import trained
"""
FORKED = """
    before = trained().tobytes()
    child = os.fork()
    if child == 0:
        os._exit(trained().tobytes() != before)
    print(os.waitpid(child, 0)[1])
"""
INTERRUPTED = """
    import signal, threading, time
    from glassnet.compiler import team
    together, gone = team.Team._together, threading.Event()
    def slowly(self, part):  # with a Ctrl-C while someone waits for the threads, who has time to go on then
        time.sleep(0.1)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        gone.wait(0.5)
        together(self, part)
        print("done", flush=True)
    import numpy as np, glassnet as gn
    net = gn.nn.Linear(4, 3)
    step = gn.compile(lambda x: (net(x) * net(x)).mean(0), net)
    wanted = step(np.ones((9, 4)))
    team.Team._together = slowly
    try:
        step(np.ones((9, 4)))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        gone.set()
    team.Team._together = together
    print(bool((step(np.ones((9, 4))) == wanted).numpy().all()))
"""


def output_of(program):
    root = os.path.join(os.path.dirname(__file__), "..", "..")
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM) + textwrap.dedent(program), root]
    return subprocess.check_output(command, timeout=60, text=True).split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_after_a_fork():
    assert output_of(FORKED) == ["0"]


def test_ctrl_c_leaves_no_thread_behind_and_the_memory_alone():
    assert output_of(INTERRUPTED) == ["done", "interrupted", "True"]


def test_a_failing_part_is_told():
    def part(thread):
        if thread == 1:
            raise ValueError("part 1")

    with pytest.raises(ValueError, match="part 1"):
        Team(2).run(part)
