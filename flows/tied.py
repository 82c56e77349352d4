"""`tied.py PROCESS ...`: DVC's command line, which ends as soon as that process is no more.

A flow that is killed cannot end its children; so they watch it, and the stages that DVC runs watch DVC (`addend.running`).
"""

import sys

from dvc.cli import main

from addend.running import die_with

if __name__ == "__main__":
    if sys.platform == "linux":
        die_with(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
