"""It does what a person says by a form, each once, however often the form is sent."""
