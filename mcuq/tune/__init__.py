"""The search for mixed precision: what may be changed, what it costs, and which builds no other one beats."""
