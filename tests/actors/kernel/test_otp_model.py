"""Our supervisor beside a small model of OTP's, driven by the same random history."""

import math

import attrs
import hypothesis.strategies as st
import trio
import trio.testing
from hypothesis import given, settings

from actors.kernel import (
    Actor,
    ActorFailedError,
    ActorSystem,
    Child,
    Exit,
    Intensity,
    Strategy,
    Supervisor,
)

WINDOW = 5.0


@attrs.define
class Modelled:
    name: str
    restart: str
    up: bool = True


@attrs.define
class Model:
    """OTP's ``supervisor`` as its documentation describes it, on a list of children."""

    strategy: Strategy
    limit: int
    children: list
    log: list = attrs.field(factory=list)
    restarts: list = attrs.field(factory=list)
    over: bool = False
    failing: dict = attrs.field(factory=dict)

    def start(self, child):
        if self.failing.get(child.name, 0) > 0:
            self.failing[child.name] -= 1
            return False
        child.up = True
        self.log.append(f"+{child.name}")
        return True

    def terminate(self, child):
        if child.up:
            child.up = False
            self.log.append(f"-{child.name}")

    def ends(self, name, how, now):
        child = next((one for one in self.children if one.name == name and one.up), None)
        if child is None or self.over:
            return
        child.up = False
        if how != "abnormal":
            self.log.append(f"-{child.name}")
        wanted = child.restart == "permanent" or (
            child.restart == "transient" and how == "abnormal"
        )
        if child.restart == "temporary":
            self.children.remove(child)
        if wanted:
            self.restart(child, now)

    def restart(self, child, now):
        while True:
            self.restarts = [at for at in [*self.restarts, now] if now - at <= WINDOW]
            if len(self.restarts) > self.limit:
                self.shut_down()
                return
            group = [child]
            if self.strategy is Strategy.ONE_FOR_ALL:
                group = list(self.children)
            elif self.strategy is Strategy.REST_FOR_ONE:
                group = self.children[self.children.index(child) :]
            for member in reversed(group):
                self.terminate(member)
                if member.restart == "temporary":
                    self.children.remove(member)
            failed = next(
                (member for member in group
                 if member.restart != "temporary" and not self.start(member)), None
            )  # fmt: skip
            if failed is None:
                return
            child = failed

    def shut_down(self):
        self.over = True
        for child in reversed(self.children):
            self.terminate(child)


class Subject(Actor):
    def __init__(self, name, log, failing):
        self.name, self.log, self.failing = name, log, failing

    def on_start(self):
        if self.failing.get(self.name, 0) > 0:
            self.failing[self.name] -= 1
            raise RuntimeError("does not start")
        self.log.append(f"+{self.name}")

    def on_stop(self):
        self.log.append(f"-{self.name}")

    def on_receive(self, how):
        match how:
            case "normal":
                self.stop()
            case "shutdown":
                self.exit(Exit("shutdown"))
            case "abnormal":
                raise ValueError(how)


names = st.sampled_from("abcd")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("ends"), names, st.sampled_from(["normal", "shutdown", "abnormal"])),
        st.tuples(st.just("breaks"), names, st.integers(1, 3)),
        st.tuples(st.just("waits"), st.sampled_from([1.0, 3.0, 6.0]), st.none()),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(
    strategy=st.sampled_from([Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE]),
    limit=st.integers(0, 4),
    kinds=st.tuples(*[st.sampled_from(["permanent", "transient", "temporary"])] * 4),
    history=steps,
)
def test_our_supervisor_does_what_the_model_does(strategy, limit, kinds, history):
    log, failing = [], {}

    class Parent(Supervisor):
        intensity = Intensity(limit, WINDOW)

        def children(self):
            return [
                Child(Subject, name, (name, log, failing), restart=kind)
                for name, kind in zip("abcd", kinds, strict=True)
            ]

    Parent.strategy = strategy
    model = Model(
        strategy, limit, [Modelled(n, k) for n, k in zip("abcd", kinds, strict=True)]
    )  # fmt: skip
    model.log = ["+a", "+b", "+c", "+d"]

    async def main():
        async with ActorSystem(Parent) as system:
            for step, one, two in history:
                await act(system, step, one, two)
                assert log == model.log
                if model.over:
                    await trio.sleep(math.inf)  # until the failed root cancels this block
                states = {n.name: n.state == "running" for n in system.tree().children}
                assert states == {child.name: child.up for child in model.children}
            model.shut_down()

    async def act(system, step, one, two):
        if step == "waits":
            await trio.sleep(one)
        elif step == "breaks":
            failing[one] = model.failing[one] = two
        else:
            child = system._root.supervision.children.get(one)
            if child is not None and child.ref.is_alive():
                model.ends(one, two, trio.current_time())
                child.ref.tell(two)
            with trio.CancelScope(shield=True):  # the whole of it, even if the root fails
                await trio.testing.wait_all_tasks_blocked()

    failed = False
    try:
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    except ActorFailedError:
        failed = True
    assert failed == (model.over and model.restarts != [] and len(model.restarts) > limit)
    assert log == model.log
