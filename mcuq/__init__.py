"""mcuq compiles trained ONNX models to fixed-point C for microcontrollers."""

__version__ = "0.1.0"
