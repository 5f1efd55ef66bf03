"""Darkroom: conversations about pictures that run themselves on AWS."""
