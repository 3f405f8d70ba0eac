"""What make_labs.py and prove_labs.py are made of."""
