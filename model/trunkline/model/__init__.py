"""The Realtime model server and its engines."""
