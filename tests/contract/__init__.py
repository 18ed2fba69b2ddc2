"""What tracing promises of every function, whatever its nodes come from: a case and its checks."""

from tests.contract._case import Case as Case
