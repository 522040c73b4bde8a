"""Loads every method into the table, and starts a gateway that listens."""

from miletus.gateway import methods
from miletus.gateway.app import GatewayServer
from miletus.gateway.gateway import Gateway, Settings

__all__ = ["Gateway", "GatewayServer", "Settings", "methods"]
