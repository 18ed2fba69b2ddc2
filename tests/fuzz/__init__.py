"""What reads files, texts and arguments, on inputs that somebody damaged or made up.

One file here for each family of parsers; `_parser` says what a parser is and what must hold:
an input gives something whole, or an error of pathflow's, within bounds of time and memory.
`test_parsers.py` tries a few inputs of each, always the same; `python -m tests.fuzz` tries others
for as long as it is told.
"""
