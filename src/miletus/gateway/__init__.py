"""The Deribit v2 API on HTTP and WebSocket for one trader's software.

It translates and signs, and never judges an order.
"""
