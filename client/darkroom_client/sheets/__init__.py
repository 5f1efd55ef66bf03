"""It draws the contact sheet of a conversation, with words in Latin and Chinese letters."""
