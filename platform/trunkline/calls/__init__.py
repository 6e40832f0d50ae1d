"""One call, from the first INVITE to the last written fact."""
