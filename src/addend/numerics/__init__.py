"""What several rooms compute, once: no theta has a name here, and nothing is read or written."""
