"""What bytes mean: quantities, nouns, framing, envelope and codecs. Pure: no I/O, no clock, no logging, no numpy."""
