"""What callers may call, and what the core needs."""
