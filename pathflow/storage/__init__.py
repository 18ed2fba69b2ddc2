"""Run directories: files that are whole or absent, and of which nothing is ever run."""

from ._blocks import BlockedArray as BlockedArray
from ._files import check_room as check_room
from ._files import named_refusals as named_refusals
from ._files import new_file as new_file
from ._files import path_of as path_of
from ._files import plain_bytes as plain_bytes
from ._files import write_file as write_file
from ._folder import check_new_folder as check_new_folder
from ._folder import read_array as read_array
from ._folder import whole as whole
from ._folder import write_folder as write_folder
from ._manifest import Manifest as Manifest
from ._manifest import damaged as damaged
from ._text import JSONTextError as JSONTextError, MOST_BYTES as MOST_BYTES, digest_of as digest_of, parsed as parsed
from ._shard import Shard as Shard, shard_folders as shard_folders
from ._writing import check_run_in as check_run_in, difference as difference
from ._writing import writing as writing
