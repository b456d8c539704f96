"""Tests of STIR/SHAKEN."""
