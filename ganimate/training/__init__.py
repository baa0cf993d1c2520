"""Training: a dataset of labelled face crops in, weights out. The editing road never imports it."""
