"""Gates of the recurrent cells of flax, equinox and haiku, in the order in which each computes
them.
"""

from pathflow.tracing import CellRecipe, register_recipe

_IFGO = (("i", "logistic"), ("f", "logistic"), ("g", "tanh"), ("o", "logistic"))
# Others compute the product with the old cell first.
_FIGO = (("f", "logistic"), ("i", "logistic"), ("g", "tanh"), ("o", "logistic"))
_RZN = (("r", "logistic"), ("z", "logistic"), ("n", "tanh"))
# Two gates in one sigmoid, side by side.
_ZR_N = (("z r", "logistic"), ("n", "tanh"))
_FN = (("f", "logistic"), ("n", "tanh"))
# An LSTM squashes its new cell at the end.
_SQUASHED = {"tanh": 1}
_READS_C = {"c": "tanh"}

_CARRY_LSTM = {"0.0": "c", "0.1": "h", "1": "h"}
_CARRY = {"0": "h", "1": "h"}

register_recipe(
    *(
        CellRecipe(f"flax.{library}:{cell}", _IFGO, _SQUASHED, _CARRY_LSTM, _READS_C)
        for library in ("linen.recurrent", "nnx.nn.recurrent")
        for cell in ("LSTMCell", "OptimizedLSTMCell")
    ),
    *(
        CellRecipe(f"flax.{library}:GRUCell", _RZN, {}, _CARRY)
        for library in ("linen.recurrent", "nnx.nn.recurrent")
    ),
    CellRecipe("flax.linen.recurrent:MGUCell", _FN, {}, _CARRY),
    CellRecipe("flax.linen.recurrent:ConvLSTMCell", _FIGO, _SQUASHED, _CARRY_LSTM, _READS_C),
    *(
        CellRecipe(f"flax.{library}:SimpleCell", (), {}, _CARRY)
        for library in ("linen.recurrent", "nnx.nn.recurrent")
    ),
    CellRecipe("equinox.nn._rnn:LSTMCell", _IFGO, _SQUASHED, {"0": "h", "1": "c"}, _READS_C),
    CellRecipe("equinox.nn._rnn:GRUCell", _RZN, {}, {"": "h"}),
    *(
        CellRecipe(
            f"haiku._src.recurrent:{cell}", _FIGO, _SQUASHED, {"0": "h", "1.cell": "c"}, _READS_C
        )
        for cell in ("LSTM", "ConvNDLSTM")
    ),
    CellRecipe("haiku._src.recurrent:GRU", _ZR_N, {}, {"0": "h", "1": "h"}),
    CellRecipe("haiku._src.recurrent:VanillaRNN", (), {}, {"0": "h", "1": "h"}),
)
