"""Settings, logging, telemetry and supervision: what every process needs."""
