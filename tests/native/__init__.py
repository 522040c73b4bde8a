"""The native library: against a slow reference written from spec 10, and against people who mean harm."""
