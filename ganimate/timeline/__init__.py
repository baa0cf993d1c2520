"""Timelines: what a face shows when, written as YAML, on the command line, or by OpenFace."""

from ganimate.timeline.keys import Keyframe, Track
from ganimate.timeline.timeline import Timeline

__all__ = ["Keyframe", "Timeline", "Track"]
