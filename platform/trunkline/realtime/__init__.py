"""The Realtime protocol: events, sans-I/O connection, client."""
