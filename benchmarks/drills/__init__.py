"""Drills: stages killed, run at once, out of room, and what they wrote tampered with.

    python -m benchmarks.drills [--trials N]        or `make drills`

A drill is tried N times on a small project, and counts what came of it:

    survived    after one more run of the command, what is there is what an undisturbed run leaves
    lost        something that stood before, or that a command said is in, is not there
    doubled     a version, a training run or a set that is there twice
    orphans     processes that outlived the one that started them
    left over   temporaries after that one more run
    unnamed     errors that are no sentence of `addend.errors`

Moments and bytes are drawn from one seed, which nobody chose by its result.
"""
