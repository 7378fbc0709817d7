"""`python -m core`: the command line of the core."""

from core.cli import main

if __name__ == "__main__":
    main()
