"""What export_web.py is made of."""
