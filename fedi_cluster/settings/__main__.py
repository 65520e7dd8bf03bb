"""`python -m fedi_cluster.settings` prints the page docs/settings.md; it takes no arguments."""

import sys

from fedi_cluster.settings.papers import page

if __name__ == "__main__":
    sys.stdout.write(page())
