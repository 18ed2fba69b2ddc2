"""What several tests share: random tagged programs, brute force over their paths, registries of
cases.
"""

from tests.helpers._brute import BruteForce as BruteForce
from tests.helpers._brute import OtherDecisionError as OtherDecisionError
from tests.helpers._brute import Points as Points
from tests.helpers._brute import brute_force as brute_force
from tests.helpers._brute import count_paths as count_paths
from tests.helpers._brute import line as line
from tests.helpers._brute import structure as structure
from tests.helpers._brute_parts import BruteParts as BruteParts
from tests.helpers._cases import INTERESTS as INTERESTS
from tests.helpers._cases import PROGRAMS as PROGRAMS
from tests.helpers._cases import SOURCES as SOURCES
from tests.helpers._classes import assert_sums_of_paths as assert_sums_of_paths
from tests.helpers._classes import by_path as by_path
from tests.helpers._classes import class_sums as class_sums
from tests.helpers._compiles import compiled as compiled
from tests.helpers._draw import dag_programs as dag_programs
from tests.helpers._draw import dropped_names as dropped_names
from tests.helpers._draw import programs as programs
from tests.helpers._forget import forget_many as forget_many
from tests.helpers._lstm import PATH_COUNTS as PATH_COUNTS
from tests.helpers._lstm import NumpyLSTM as NumpyLSTM
from tests.helpers._lstm import lstm_by_layer as lstm_by_layer
from tests.helpers._lstm import lstm_by_step as lstm_by_step
from tests.helpers._lstm import lstm_params as lstm_params
from tests.helpers._lstm import lstm_path_influences as lstm_path_influences
from tests.helpers._oracle import OUTPUT as OUTPUT
from tests.helpers._patterns import pattern_matches as pattern_matches
from tests.helpers._patterns import patterns as patterns
from tests.helpers._patterns import steps as steps
from tests.helpers._programs import Program as Program
from tests.helpers._transforms import TRANSFORMS as TRANSFORMS
from tests.helpers._transforms import Transform as Transform
