"""How networks are trained: what is done to the images on the way."""
