"""A flow as a picture: what leads where, drawn in layers."""
