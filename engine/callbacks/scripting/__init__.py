"""The scripts of callbacks: what they ask for, and whom they lead to."""
