"""Durable background work: Celery on the outbox."""
