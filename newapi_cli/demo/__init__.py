"""A New API gateway inside the program, on the loopback interface."""
