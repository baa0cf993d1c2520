"""The studio: one photo, its sliders and its film, in a browser on this machine."""
