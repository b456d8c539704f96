"""Samples of what answers a phone, and how often the detection of it is right."""
