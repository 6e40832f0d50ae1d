"""Callers that are written down, in text and in audio: ``trunkline flow simulate``."""
