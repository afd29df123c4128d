"""TensorFlow Lite as a format, the only place that imports tflite; it is given readers."""
