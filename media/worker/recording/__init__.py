"""Files of what legs say and hear: noted on the media thread, written by another."""
