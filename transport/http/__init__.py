"""Everything the port serves that is not the WebSocket: Starlette on Hypercorn's trio worker."""
