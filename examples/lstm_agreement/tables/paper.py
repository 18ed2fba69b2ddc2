"""Published numbers to stand beside the measured ones.

`SUBJECT`, `INTERVENING` and `NEURONS` are from Table 1, and `COMPRESSION` is Table 2 of
"Influence Paths for Characterizing Subject-Verb Number Agreement in LSTM Language Models" (Lu et
al., ACL 2020); `ACCURACY` is Table 2 of Lakretz et al. (NAACL 2019) for the same model, which has
2 x 650 units, 50,001 words, and saw 83 million words of Wikipedia forty times.
"""

from dataclasses import dataclass

from examples.lstm_agreement.tables.measure import Role


@dataclass(frozen=True)
class PathNumbers:
    """Numbers of a primary path.

    Arguments:
        p_plus: fraction of sentences whose total attribution from the noun is positive.
        n_paths: number of paths.
        share: expected fraction of all the attribution of the path's sign.
        t: probability to exceed a path drawn uniformly.
    """

    p_plus: float
    n_paths: int
    share: float
    t: float


SUBJECT = {
    ("Simple", "S"): PathNumbers(1.0, 16, 0.47, 1.0),
    ("Simple", "P"): PathNumbers(1.0, 16, 0.33, 0.93),
    ("nounPP", "SS"): PathNumbers(1.0, 6946, 0.10, 1.0),
    ("nounPP", "SP"): PathNumbers(1.0, 6946, 0.10, 1.0),
    ("nounPP", "PS"): PathNumbers(1.0, 6946, 0.05, 0.91),
    ("nounPP", "PP"): PathNumbers(1.0, 6946, 0.05, 0.92),
    ("nounPPAdv", "SS"): PathNumbers(1.0, 41561, 0.07, 1.0),
    ("nounPPAdv", "SP"): PathNumbers(1.0, 41561, 0.07, 1.0),
    ("nounPPAdv", "PS"): PathNumbers(1.0, 41561, 0.03, 0.93),
    ("nounPPAdv", "PP"): PathNumbers(1.0, 41561, 0.03, 0.92),
}

# The share's sign is that of the condition: positive for a helpful noun (SS, PP), negative for an
# attractor.
INTERVENING = {
    ("nounPP", "SS"): PathNumbers(0.82, 16, 0.31, 0.90),
    ("nounPP", "SP"): PathNumbers(0.23, 16, 0.24, 0.23),
    ("nounPP", "PS"): PathNumbers(0.06, 16, 0.28, 0.21),
    ("nounPP", "PP"): PathNumbers(0.95, 16, 0.31, 0.90),
    ("nounPPAdv", "SS"): PathNumbers(0.92, 152, 0.09, 0.96),
    ("nounPPAdv", "SP"): PathNumbers(0.32, 152, 0.09, 0.14),
    ("nounPPAdv", "PS"): PathNumbers(0.32, 152, 0.04, 0.28),
    ("nounPPAdv", "PP"): PathNumbers(0.83, 152, 0.07, 0.92),
}

# Probability of each of the two primary neurons to exceed another unit on the primary path, from
# 0 in the second layer.
UNITS = (125, 337)
NEURONS = {
    (Role.SUBJECT, "Simple", "S"): (0.99, 1.0),
    (Role.SUBJECT, "Simple", "P"): (0.97, 0.99),
    (Role.SUBJECT, "nounPP", "SS"): (1.0, 1.0),
    (Role.SUBJECT, "nounPP", "SP"): (1.0, 1.0),
    (Role.SUBJECT, "nounPP", "PS"): (0.99, 1.0),
    (Role.SUBJECT, "nounPP", "PP"): (0.99, 1.0),
    (Role.SUBJECT, "nounPPAdv", "SS"): (1.0, 1.0),
    (Role.SUBJECT, "nounPPAdv", "SP"): (1.0, 1.0),
    (Role.SUBJECT, "nounPPAdv", "PS"): (0.99, 1.0),
    (Role.SUBJECT, "nounPPAdv", "PP"): (0.99, 1.0),
    (Role.INTERVENING, "nounPP", "SS"): (0.78, 0.98),
    (Role.INTERVENING, "nounPP", "SP"): (0.06, 0.15),
    (Role.INTERVENING, "nounPP", "PS"): (0.22, 0.12),
    (Role.INTERVENING, "nounPP", "PP"): (0.97, 0.79),
    (Role.INTERVENING, "nounPPAdv", "SS"): (0.85, 1.0),
    (Role.INTERVENING, "nounPPAdv", "SP"): (0.13, 0.01),
    (Role.INTERVENING, "nounPPAdv", "PS"): (0.41, 0.16),
    (Role.INTERVENING, "nounPPAdv", "PP"): (0.99, 0.84),
}

ACCURACY = {
    ("Simple", "S"): 1.0,
    ("Simple", "P"): 1.0,
    ("Adv", "S"): 1.0,
    ("Adv", "P"): 0.996,
    ("namePP", "SS"): 0.993,
    ("namePP", "PS"): 0.689,
    ("nounPP", "SS"): 0.992,
    ("nounPP", "SP"): 0.872,
    ("nounPP", "PS"): 0.920,
    ("nounPP", "PP"): 0.990,
    ("nounPPAdv", "SS"): 0.995,
    ("nounPPAdv", "SP"): 0.912,
    ("nounPPAdv", "PS"): 0.992,
    ("nounPPAdv", "PP"): 0.998,
}

# Accuracy when gates are held at their means, scheme by scheme: all but Csi, all but Cs, all but
# Ci, Csi, Cs, Ci, and C, the whole model. The overlines that tell the first three from the next
# three are lost in the paper's plain text; its prose gives the order (best is all but Ci, then Cs
# and Csi; those without the subject's path are near chance).
COMPRESSION = {
    ("nounPP", "SS"): (0.66, 0.77, 0.95, 0.93, 0.71, 0.77, 0.95),
    ("nounPP", "SP"): (0.64, 0.36, 0.94, 0.64, 0.75, 0.40, 0.74),
    ("nounPP", "PS"): (0.34, 0.24, 0.92, 0.40, 0.69, 0.18, 0.80),
    ("nounPP", "PP"): (0.39, 0.66, 0.91, 0.76, 0.68, 0.58, 0.97),
    ("nounPP", "mean"): (0.51, 0.51, 0.93, 0.68, 0.70, 0.48, 0.87),
    ("nounPPAdv", "SS"): (0.70, 0.86, 0.98, 0.73, 0.56, 0.43, 1.0),
    ("nounPPAdv", "SP"): (0.70, 0.43, 0.99, 0.50, 0.60, 0.27, 0.88),
    ("nounPPAdv", "PS"): (0.38, 0.22, 0.98, 0.76, 0.79, 0.56, 0.96),
    ("nounPPAdv", "PP"): (0.39, 0.67, 0.98, 0.84, 0.83, 0.76, 1.0),
    ("nounPPAdv", "mean"): (0.54, 0.55, 0.99, 0.71, 0.69, 0.50, 0.96),
}
