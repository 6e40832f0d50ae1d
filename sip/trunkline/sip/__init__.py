"""The pjsua2 edge: trunks, legs and the media ring."""
