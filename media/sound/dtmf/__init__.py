"""Keys as sound (ITU-T Q.23, Q.24): heard, and made."""
