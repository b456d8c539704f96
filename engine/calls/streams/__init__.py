"""Legs whose party is a service: the sound goes over a WebSocket, by the stream host."""
