"""It draws the contact sheet of a conversation, with captions in Latin and Chinese letters."""
