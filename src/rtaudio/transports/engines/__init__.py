"""Libraries that speak the WebSocket protocol, each behind the same narrow interface."""
