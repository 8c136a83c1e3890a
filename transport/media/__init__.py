"""The media plane: workers that forward sound and picture undecoded, and the engine's end of them.

The modules from :mod:`~transport.media.rtp` to :mod:`~transport.media.negotiation` know neither
socket nor clock: bytes and instants go in, bytes come out. :mod:`~transport.media.worker` is the
asyncio process that owns the sockets; :mod:`~transport.media.plane` runs in the engine, on trio.
"""
