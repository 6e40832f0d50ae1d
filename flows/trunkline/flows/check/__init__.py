"""What is wrong with a flow that loads: found by looking at every way a call can take in it."""
