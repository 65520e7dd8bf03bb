"""`python -m fedi_cluster` is the command `fedi-cluster`; it holds nothing of its own."""

from fedi_cluster.cli import main

if __name__ == "__main__":
    main(prog_name="fedi-cluster")
