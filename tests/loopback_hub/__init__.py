"""A small Hugging Face Hub on loopback that speaks the protocol of the real client."""

from loopback_hub.faults import Fault
from loopback_hub.server import LoopbackHub

__all__ = ["Fault", "LoopbackHub"]
