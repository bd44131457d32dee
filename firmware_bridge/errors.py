"""Everything that can be wrong with bytes.

BridgeError
├── FrameError      a frame's checksum, length or delimiter is wrong; the framer goes on with the next byte
├── DecodeError     a sound frame whose payload says nothing this codec understands; keep it, count it
└── EnvelopeError   an MQTT payload that is not a batch or receipt of ours; quarantine it
"""


class BridgeError(Exception):
    """Bytes that cannot be read. `code` is stable and short, `detail` says wanted, got and where."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class FrameError(BridgeError):
    """A frame that fails its own checksum, length or delimiter. Caught by the driver that reads the link."""


class DecodeError(BridgeError):
    """A payload its codec cannot read. Caught by the agent or the inlet, which keep the bytes."""


class EnvelopeError(BridgeError):
    """An MQTT payload that is not ours, not whole or not genuine. Caught by ingest (quarantine) and uplink."""
