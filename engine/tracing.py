"""OpenTelemetry traces of commands: socket, participant, entity, commit, publish (an extra)."""

import sys
from typing import Any

import attrs

from actors.errors import GreenroomError
from actors.ports import Tracer
from transport.telemetry import nameless


class TracingMissing(GreenroomError):  # noqa: N818  the package is
    """Traces are wanted, and the packages for them are not installed."""


@attrs.frozen
class OpenSpan:
    """A request's span, until it is answered.

    :param id: names it to those below it, as a ``traceparent`` (W3C Trace Context); empty when the
        sampler has left this one out.
    """

    id: str
    _span: Any

    def end(self, error: str = "") -> None:
        """Say that the request is answered, or why it was refused."""
        from opentelemetry.trace import Status, StatusCode

        if error:
            self._span.set_status(Status(StatusCode.ERROR, error))
        self._span.end()


class OtelTracer:
    """Hands spans to OpenTelemetry.

    :param tracer: a tracer of its API.
    """

    def __init__(self, tracer: Any) -> None:
        self._tracer = tracer

    def begin(self, name: str, **attributes: str) -> OpenSpan:
        """Begin a request's trace."""
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind

        span = self._tracer.start_span(name, Context(), SpanKind.SERVER, _named(attributes))
        return OpenSpan(_spelled(span) if span.is_recording() else "", span)

    def record(self, name: str, parent: str, began: int, ended: int, **attributes: str) -> str:
        """Show something that is over, below ``parent``."""
        span = self._tracer.start_span(
            name, _context(parent), attributes=_named(attributes), start_time=began
        )
        span.end(end_time=ended)
        return _spelled(span)


def _named(attributes: dict[str, str]) -> dict[str, str]:
    return {f"greenroom.{name}": nameless(value) for name, value in attributes.items()}


def _spelled(span: Any) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _context(parent: str) -> Any:
    from opentelemetry import trace

    _, trace_id, span_id, flags = parent.split("-")
    sampled = trace.TraceFlags(int(flags, 16))
    above = trace.SpanContext(int(trace_id, 16), int(span_id, 16), False, sampled)
    return trace.set_span_in_context(trace.NonRecordingSpan(above))


def make_tracer(endpoint: str) -> Tracer | None:
    """Return what traces are handed to; None when nobody wants any.

    A program that embeds the engine and has set up OpenTelemetry gets its traces without a word.

    :param endpoint: where they are sent (OTLP over HTTP); empty: nowhere by ourselves.
    :raises TracingMissing: the extra ``tracing`` is not installed.
    """
    if not endpoint and "opentelemetry.trace" not in sys.modules:
        return None
    if not endpoint:
        from opentelemetry import trace

        return OtelTracer(trace.get_tracer("greenroom"))
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingMissing('traces need the extra: install "greenroom[tracing]"') from error
    provider = TracerProvider(resource=Resource.create({"service.name": "greenroom"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    return OtelTracer(provider.get_tracer("greenroom"))
