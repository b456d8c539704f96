"""Codecs: from the payload of a packet to samples, and back.

One file a codec. Decoders and encoders keep the state of one stream, so each leg has its own. What
was lost is concealed here; when that is needed, the playout buffer of the worker decides.
"""
