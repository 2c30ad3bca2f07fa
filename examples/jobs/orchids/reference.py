#!/usr/bin/env python3
"""Makes reference.tsv: scores of an implementation that shares nothing with align.c.

    pip install biopython==1.88
    python3 reference.py > reference.tsv        (all 4371 pairs: python3 reference.py --all)

The aligner is Biopython's PairwiseAligner (it says of itself: "Gotoh local alignment algorithm").
The table keeps up to four pairs of every sequence i: its neighbour, the last one, and two between.
"""

import pathlib
import sys

from Bio import Align, SeqIO

FASTA = pathlib.Path(__file__).with_name("ls_orchid.fasta")


def partners(i, count):
    """The j > i whose scores are kept."""
    first, last = i + 1, count - 1
    span = last - first
    return sorted({first, first + span // 3, first + 2 * span // 3, last})


def main():
    letters = [str(record.seq) for record in SeqIO.parse(FASTA, "fasta")]
    aligner = Align.PairwiseAligner(
        mode="local",
        match_score=2,
        mismatch_score=-1,
        open_gap_score=-5,
        extend_gap_score=-1,
    )
    count = len(letters)
    for i in range(count - 1):
        for j in range(i + 1, count) if "--all" in sys.argv else partners(i, count):
            print(i, j, int(aligner.score(letters[i], letters[j])), sep="\t")


main()
