"""The actor that keeps other actors alive. Subclass it, set the policy, plan the children."""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar, cast

from actors.kernel.actor import Actor
from actors.kernel.policy import (
    FOREVER,
    AutoShutdown,
    Backoff,
    Child,
    Decider,
    Exit,
    Intensity,
    Restart,
    Strategy,
)
from actors.kernel.ref import ActorRef
from actors.kernel.supervision import Supervision

A = TypeVar("A", bound=Actor)


class Supervisor(Actor):
    """An actor with children. It may handle messages of its own beside.

    Its children run in its cancel scope: nothing of the subtree outlives it. It starts them
    from left to right, each when the one before is up, and stops them in reverse.
    """

    restart: ClassVar[Restart] = "permanent"
    start_timeout: ClassVar[float] = FOREVER
    """For its own ``on_start``; each child's start has its own."""
    strategy: ClassVar[Strategy] = Strategy.ONE_FOR_ONE
    """Who is restarted along with a child that ended."""
    intensity: ClassVar[Intensity] = Intensity()
    """How many restarts it bears before it gives up itself."""
    backoff: ClassVar[Backoff] = Backoff()
    """How long it waits before a restart."""
    auto_shutdown: ClassVar[AutoShutdown] = "never"
    """Whether the end of significant children is its own."""
    child_decider: ClassVar[Decider | None] = None
    """Judges the children's exceptions in place of their own deciders."""

    _supervises = staticmethod(Supervision)

    def children(self) -> Sequence[Child]:
        """Return the planned children, in the order of their start. Asked at each start."""
        return ()

    @property
    def _children(self) -> Supervision:
        return cast("Supervision", self._cell.supervision)

    def spawn(
        self, actor: type[A], *args: Any, name: str | None = None,
        restart: Restart | None = None, **kwargs: Any,
    ) -> ActorRef[A]:  # fmt: skip
        """Start a dynamic child and return its ref at once; it is forgotten when it ends.

        :raises NameTakenError: there is a child of that name.
        """
        name = name or self._children.free_name(actor)
        return self._children.add(Child(actor, name, args, kwargs, restart)).ref

    async def start_child(self, plan: Child) -> ActorRef[Any]:
        """Start a dynamic child and wait until it is up.

        :raises StartFailedError: it did not come up, and is not kept.
        """
        return (await self._children.start_child(plan)).ref

    async def restart_child(self, name: str) -> None:
        """Bring back a planned child that has ended.

        :raises KeyError: there is no child of that name.
        :raises StartFailedError: it did not come up.
        """
        await self._children.restart_child(name)

    def child(self, name: str) -> ActorRef[Any]:
        """Return the ref of a child.

        :raises KeyError: there is none of that name.
        """
        return self._children.children[name].ref

    def give_up(self, error: Exception) -> None:
        """Fail now, taking the children along; the supervisor above decides what follows."""
        self._children.fail(Exit("failed", error))
