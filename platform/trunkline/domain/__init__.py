"""What a call, a leg, a trunk, a turn and an agent are. Pure values, no I/O."""
