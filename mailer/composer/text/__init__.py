"""What authors write: from a folder of Markdown to a `Letter`, with every fault on the way."""
