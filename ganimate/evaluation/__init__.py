"""How well a generator does what it is asked: one file a metric, and a report of them all."""
