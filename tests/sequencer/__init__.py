"""The sequencer: log, intake, confirmations, node, network front, and kill -9."""
