"""Scripts on a leg: what the machine of `engine/scripts` asks for is said, gathered and done.

`leg_script` runs one on a leg, `voicemail` and `script_transfers` are steps of their own.
"""
