"""The device of a run: precision, memory, recorded and compiled steps, several processes."""
