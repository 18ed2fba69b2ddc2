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
from ._shard import Shard as Shard
from ._shard import check_counting as check_counting
from ._shard import shard_folders as shard_folders
from ._text import MOST_BYTES as MOST_BYTES
from ._text import JSONTextError as JSONTextError
from ._text import digest_of as digest_of
from ._text import parsed as parsed
from ._writing import check_run_in as check_run_in
from ._writing import difference as difference
from ._writing import writing as writing
