"""What is missing, first what stops a reader first: found for `lenetcourse doctor`."""
