"""A state as the bytes of a snapshot, and back, a member at a time.

As one piece of plain data a full chat would be some thirty thousand objects for a moment. The room
that such a moment takes among objects that stay is rarely given back to the system: a daemon would
grow on for hours while it keeps nothing more.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args, get_origin

import attrs
import msgpack
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from actors.packing import BUFFER
from actors.rules.records import converter, keeping

T = TypeVar("T")


@attrs.frozen
class _Members:
    """A mapping of names to values of one class, packed one by one.

    :param plain: makes a value plain.
    :param build: the way back.
    """

    plain: Callable[[Any], Any]
    build: Callable[[Any, Any], Any]
    cls: type

    def write(self, members: Mapping[str, Any], packer: msgpack.Packer) -> None:
        packer.pack_map_header(len(members))
        for name, member in members.items():
            packer.pack(name)
            packer.pack(self.plain(member))

    def read(self, unpacker: msgpack.Unpacker) -> dict[str, Any]:
        return {
            unpacker.unpack(): self.build(unpacker.unpack(), self.cls)
            for _ in range(unpacker.read_map_header())
        }


@attrs.frozen
class _Shape:
    """How values of a class are packed.

    :param parts: the fields with members in them; the others are packed as they are.
    :param plain: makes everything but the parts plain, without what is as it was at first.
    :param build: makes a value of plain data and parts that are built already.
    """

    parts: "Mapping[str, _Members | _Shape]"
    plain: Callable[[Any], dict[str, Any]]
    build: Callable[[Any, Any], Any]
    cls: type

    def write(self, value: Any, packer: msgpack.Packer) -> None:
        rest = self.plain(value)
        packer.pack_map_header(len(rest) + len(self.parts))
        for name, content in rest.items():
            packer.pack(name)
            packer.pack(content)
        for name, part in self.parts.items():
            packer.pack(name)
            part.write(getattr(value, name), packer)

    def read(self, unpacker: msgpack.Unpacker) -> Any:
        given = {}
        for _ in range(unpacker.read_map_header()):
            name = unpacker.unpack()
            part = self.parts.get(name)
            given[name] = unpacker.unpack() if part is None else part.read(unpacker)
        return self.build(given, self.cls)


_SHAPES: dict[type, _Shape] = {}


def _shape(cls: type) -> _Shape:
    shape = _SHAPES.get(cls)
    if shape is None:
        shape = _SHAPES[cls] = _shape_of(cls)
    return shape


def _shape_of(cls: type) -> _Shape:
    parts = {
        field.name: part
        for field in attrs.fields(attrs.resolve_types(cls))
        if field.init and (part := _part(field.type)) is not None
    }
    left_out: dict[str, Any] = {name: override(omit=True) for name in parts}
    built: dict[str, Any] = {name: override(struct_hook=_as_it_is) for name in parts}
    return _Shape(
        parts,
        make_dict_unstructure_fn(cls, keeping, _cattrs_omit_if_default=True, **left_out),
        make_dict_structure_fn(cls, converter, **built),
        cls,
    )


def _part(kind: Any) -> _Members | _Shape | None:
    if get_origin(kind) is dict:
        of, member = get_args(kind)
        if of is str and attrs.has(member):
            plain = keeping.get_unstructure_hook(member)
            return _Members(plain, converter.get_structure_hook(member), member)
        return None
    if isinstance(kind, type) and attrs.has(kind):
        shape = _shape(kind)
        return shape if shape.parts else None
    return None


def _as_it_is(value: Any, _: Any) -> Any:
    return value


def pack_snapshot(state: Any, beside: Mapping[str, Any]) -> bytes:
    """Return a state as msgpack, without what is as it was at first.

    Most of a message, a slot or a person is; what is left out need not be packed and read back. A
    field whose default changes needs another name, or old snapshots would change their meaning.

    :param beside: plain data to keep with it, under other names than ``state``.
    :raises TypeError: a part of it is not plain data.
    """
    packer = msgpack.Packer(autoreset=False, buf_size=BUFFER)
    packer.pack_map_header(1 + len(beside))
    packer.pack("state")
    _shape(type(state)).write(state, packer)
    for name, content in beside.items():
        packer.pack(name)
        packer.pack(content)
    packed: bytes = packer.bytes()
    return packed


def unpack_snapshot(packed: bytes, cls: type[T]) -> tuple[T, dict[str, Any]]:
    """Return a state and what was kept beside it.

    :param cls: the state's class.
    :raises ValueError: the bytes are no such snapshot.
    """
    unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=len(packed))
    unpacker.feed(packed)
    given = {}
    shape = _shape(cls)
    try:
        for _ in range(unpacker.read_map_header()):
            name = unpacker.unpack()
            given[name] = shape.read(unpacker) if name == "state" else unpacker.unpack()
    except msgpack.OutOfData as error:
        raise ValueError("the snapshot ends too early") from error
    if "state" not in given:
        raise ValueError("the snapshot holds no state")
    return given.pop("state"), given
