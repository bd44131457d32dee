"""The Raspberry Pi side: bytes from sensors in, signed batches out, nothing lost on the way."""
