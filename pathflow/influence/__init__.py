"""Influences of paths, and the searches that go through them."""

from pathflow.influence._attribute import attribute as attribute
from pathflow.influence._enumerate import Enumerate as Enumerate
from pathflow.influence._search import AbstractSearch as AbstractSearch
