"""Small networks of well-known kinds, trained by nobody, as their frameworks export them."""
