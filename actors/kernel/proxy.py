"""Pykka's proxy without its two costs: walking the whole actor each time, and keeping it alive."""

from typing import Any, ClassVar, TypeVar

import pykka
from pykka import messages
from pykka._introspection import AttrInfo, get_attr_from_parent, get_obj_dict
from pykka._proxy import CallableProxy

from actors.kernel.errors import ActorDeadError

A = TypeVar("A", bound=pykka.Actor)
Path = tuple[str, ...]


class ActorProxy(pykka.ActorProxy[A]):
    """Attributes of an actor as futures, its methods as functions that return futures.

    What a class says of an attribute (callable, traversable) is looked up once per class; what
    an instance's own attributes are is looked up when they are used.

    :raises ActorDeadError: the actor is dead.
    """

    _of_class: ClassVar[dict[type, dict[str, AttrInfo]]] = {}

    def __init__(self, *, actor_ref: pykka.ActorRef[A], attr_path: Path | None = None) -> None:
        if not actor_ref.is_alive():
            raise ActorDeadError(f"{actor_ref} not found")
        self.actor_ref = actor_ref
        self._attr_path = attr_path or ()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ActorProxy)
            and self.actor_ref == other.actor_ref
            and self._attr_path == other._attr_path
        )

    def __hash__(self) -> int:
        return hash((self.actor_ref, self._attr_path))

    def __dir__(self) -> list[str]:
        own = ["__class__", *type(self).__dict__, *self.__dict__]
        actor = self.actor_ref._actor_weakref()  # noqa: SLF001  Pykka's own way
        names = () if actor is None or self._attr_path else get_obj_dict(actor)
        return sorted({*own, *(name for name in names if not name.startswith("_"))})

    def __getattr__(self, name: str) -> Any:
        """Return a callable, a nested proxy, or the future of an attribute's value."""
        path = (*self._attr_path, name)
        info = None if name.startswith("_") else self._info(path)
        if info is None:
            raise AttributeError(f"{self} has no attribute {name!r}")
        if info.callable:
            return CallableProxy(actor_ref=self.actor_ref, attr_path=path)
        if info.traversable:
            return ActorProxy(actor_ref=self.actor_ref, attr_path=path)
        return self.actor_ref.ask(messages.ProxyGetAttr(attr_path=path), block=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """Send the new value; what is sent afterwards finds it set."""
        if name == "actor_ref" or name.startswith("_"):
            object.__setattr__(self, name, value)
            return
        message = messages.ProxySetAttr(attr_path=(*self._attr_path, name), value=value)
        self.actor_ref.ask(message)

    def _info(self, path: Path) -> AttrInfo | None:
        actor = self.actor_ref._actor_weakref()  # noqa: SLF001  Pykka's own way
        if len(path) == 1 and (actor is None or path[0] not in vars(actor)):
            return self._info_of_class(path[0])
        if actor is None:
            return AttrInfo(callable=False, traversable=False)
        try:
            return _describe(get_attr_from_parent(actor, path))
        except AttributeError:
            return None

    def _info_of_class(self, name: str) -> AttrInfo | None:
        kind = self.actor_ref.actor_class
        known = self._of_class.setdefault(kind, {})
        if name not in known:
            for base in kind.__mro__:
                if name in vars(base):
                    known[name] = _describe(vars(base)[name])
                    break
        return known.get(name)


def _describe(value: Any) -> AttrInfo:
    traversable = (
        getattr(value, "_pykka_traversable", False) is True
        or getattr(value, "pykka_traversable", False) is True
    )
    return AttrInfo(callable=callable(value), traversable=traversable)
