"""What leaves the house: the ONNX file, the proof that it decides as the trained net did, and the report."""
