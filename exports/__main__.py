"""`python -m exports`: the command line of the exports."""

from exports.cli import main

if __name__ == "__main__":
    main()
