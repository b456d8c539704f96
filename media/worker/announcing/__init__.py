"""What a leg hears: its own source, and what a command lets it hear in its place or over it.

`leg_sound` keeps what is heard below an announcement, and goes back to it.
"""
