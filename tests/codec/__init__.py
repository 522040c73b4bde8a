"""The codec: table, encoder, decoder, and the Go decoder's vectors."""
