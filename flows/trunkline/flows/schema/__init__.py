"""YAML to Flow: reading with line numbers, checking everything at once, assembling."""
