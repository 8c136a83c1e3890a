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

from actors.packing import PacksItself, Reader, Writer
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

    def write(self, members: Mapping[str, Any], writer: Writer) -> None:
        writer.open_map(len(members))
        for name, member in members.items():
            writer.write(name)
            writer.write(self.plain(member))

    def read(self, reader: Reader) -> dict[str, Any]:
        return {
            reader.read(): self.build(reader.read(), self.cls) for _ in range(reader.open_map())
        }


@attrs.frozen
class _ByItself:
    """A value that knows how it is packed."""

    cls: type[PacksItself]

    def write(self, value: PacksItself, writer: Writer) -> None:
        value.write(writer)

    def read(self, reader: Reader) -> PacksItself:
        return self.cls.read(reader)


@attrs.frozen
class _Shape:
    """How values of a class are packed.

    :param parts: the fields with members in them; the others are packed as they are.
    :param plain: makes everything but the parts plain, without what is as it was at first.
    :param build: makes a value of plain data and parts that are built already.
    """

    parts: "Mapping[str, _Part]"
    plain: Callable[[Any], dict[str, Any]]
    build: Callable[[Any, Any], Any]
    cls: type

    def write(self, value: Any, writer: Writer) -> None:
        rest = self.plain(value)
        writer.open_map(len(rest) + len(self.parts))
        for name, content in rest.items():
            writer.write(name)
            writer.write(content)
        for name, part in self.parts.items():
            writer.write(name)
            part.write(getattr(value, name), writer)

    def read(self, reader: Reader) -> Any:
        given = {}
        for _ in range(reader.open_map()):
            name = reader.read()
            part = self.parts.get(name)
            given[name] = reader.read() if part is None else part.read(reader)
        return self.build(given, self.cls)


_Part = _Members | _ByItself | _Shape

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


def _part(kind: Any) -> _Part | None:
    if get_origin(kind) is dict:
        of, member = get_args(kind)
        if of is str and attrs.has(member):
            plain = keeping.get_unstructure_hook(member)
            return _Members(plain, converter.get_structure_hook(member), member)
        return None
    if isinstance(kind, type) and issubclass(kind, PacksItself):
        return _ByItself(kind)
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
    writer = Writer()
    writer.open_map(1 + len(beside))
    writer.write("state")
    _shape(type(state)).write(state, writer)
    for name, content in beside.items():
        writer.write(name)
        writer.write(content)
    return writer.packed()


def unpack_snapshot(packed: bytes, cls: type[T]) -> tuple[T, dict[str, Any]]:
    """Return a state and what was kept beside it.

    :param cls: the state's class.
    :raises ValueError: the bytes are no such snapshot.
    """
    reader = Reader(packed)
    given = {}
    shape = _shape(cls)
    try:
        for _ in range(reader.open_map()):
            name = reader.read()
            given[name] = shape.read(reader) if name == "state" else reader.read()
    except msgpack.OutOfData as error:
        raise ValueError("the snapshot ends too early") from error
    if "state" not in given:
        raise ValueError("the snapshot holds no state")
    return given.pop("state"), given
