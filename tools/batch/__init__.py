"""What `make figures` is made of: runs, their hashes, their work, what they leave."""
