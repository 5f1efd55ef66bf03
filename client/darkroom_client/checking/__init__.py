"""It says what Darkroom would make of files, by the code of the functions and without asking anybody."""
