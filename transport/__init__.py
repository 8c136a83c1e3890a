"""The way in and out: listener, WebSocket, HTTP API, fan-out, media plane and client."""
