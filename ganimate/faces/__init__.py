"""Faces in photos: found, framed, and put back."""
