"""The Pi: frames in, batches out, nothing lost. No numpy."""

VERSION = "0.1.0"
