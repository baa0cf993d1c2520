"""Pictures and films: read them, write them, and say in them how they were made."""
