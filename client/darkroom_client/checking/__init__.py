"""It checks files before they are uploaded, with the code of the functions and without a call to AWS."""
