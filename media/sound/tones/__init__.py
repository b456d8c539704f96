"""Tones: their notation, call-progress tones by country, and the ringing of a callback."""
