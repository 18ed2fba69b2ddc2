"""All paths, each exactly: prefixes and suffixes that meet at the cheapest cut."""
