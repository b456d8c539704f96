"""Tones: their notation, call-progress tones by country, and the ringing of a callback.

`tone_spec` reads the notation, `tones` renders it, `progress_tones` has what each country uses.
"""
