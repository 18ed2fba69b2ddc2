"""A data folder as the models of English are trained on, with a few made-up sentences."""

import lzma
from pathlib import Path

import numpy as np

from examples.lstm_agreement.sentences.lexicon import ENGLISH
from examples.lstm_agreement.sentences.tasks import SIMPLE, generate


def write_data(folder: Path) -> Path:
    """Writes sentences of one task, texts that hold its words, a pool and a lexicon."""
    sentences = generate(SIMPLE, 60)
    tasks, texts, words = (
        folder / name for name in ("lakretz_na_tasks", "wiki_lm_corpus", "gulordava_vocab")
    )
    pool = texts / "full_ids"
    for place in (tasks, pool, words):
        place.mkdir(parents=True)
    names = {"S": "singular", "P": "plural"}
    pairs = [
        f"{' '.join(s.tokens)} {verb}\t{names[s.condition]}\t{mark}\tid{k}\n"
        for k, s in enumerate(sentences)
        for verb, mark in ((s.correct, "correct"), (s.wrong, "wrong"))
    ]
    (tasks / "simple.txt").write_text("".join(pairs), encoding="utf-8")
    nouns = {s.subject.forms for s in sentences}
    lines = [f"subject_noun\t{n.singular}\t{n.plural}\n" for n in sorted(nouns, key=str)]
    (tasks / "lexicon.tsv").write_text("category\tsingular\tplural\n" + "".join(lines), "utf-8")
    # Each sentence with its verb.
    text = "".join(f"{' '.join(s.tokens)} {s.correct} .\n" for s in sentences)
    # Words that are known, and so many that a loss can draw some of them.
    rare = " ".join([*sorted(ENGLISH.words()), *(f"word{k}" for k in range(2000))])
    written = {"train_na_rich": text * 3, "train_background": rare + "\n" + text}
    for name, its in (written | {"valid": text, "test": text}).items():
        (texts / f"{name}.txt.xz").write_bytes(lzma.compress(its.encode()))
    known = ["<unk>", "<eos>", *dict.fromkeys((text + rare).split())]
    (words / "vocab.txt").write_text("\n".join(known), encoding="utf-8")
    numbers = [known.index(w) for line in text.splitlines() for w in (*line.split(), "<eos>")]
    (pool / "part0.u16.xz").write_bytes(lzma.compress(np.array(numbers, "<u2").tobytes()))
    return folder
