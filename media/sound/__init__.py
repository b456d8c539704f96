"""Sound: G.711, tones, clips, prompts, hold music and speech.

Samples in, samples or frames out; nothing here knows a packet.
"""
