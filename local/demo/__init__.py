"""A whole conversation about a picture, held with the stack on this machine."""
