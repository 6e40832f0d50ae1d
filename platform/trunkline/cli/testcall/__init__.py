"""A second SIP endpoint that speaks, listens and measures: ``trunkline call``."""
