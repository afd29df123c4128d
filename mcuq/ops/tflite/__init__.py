"""The operators in TensorFlow Lite: their readers, one family a file."""
