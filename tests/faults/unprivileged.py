"""Starts the command as a user whom the modes of files bind: root gives up its right to overrule them."""

import ctypes
import os
import sys

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE = 1

if __name__ == "__main__":
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0):
        raise SystemExit("root may not give up its right to overrule the modes of files")
    os.execv(sys.executable, [sys.executable, "-m", "fedi_cluster", *sys.argv[1:]])
