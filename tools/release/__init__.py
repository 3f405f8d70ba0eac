"""What a release is made of: its addresses, the wheel, and notebooks that install it."""
