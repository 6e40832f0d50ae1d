"""Recogniser, planner and synthesiser as one engine."""
