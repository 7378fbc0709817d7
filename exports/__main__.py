"""`python -m exports`: the command line of the exports."""

import sys


def main() -> None:
    """Verify a file alone with what that needs alone; else the commands of `exports.cli`."""
    if len(sys.argv) == 3 and sys.argv[1] == "verify" and sys.argv[2].lower().endswith(".onnx"):
        from exports import selftest  # before anything else is imported: NumPy and onnxruntime are enough for this

        found = selftest.check(sys.argv[2])
        print(found["sentence"])
        sys.exit(0 if found["passed"] else 1)
    from exports import cli

    cli.main()


if __name__ == "__main__":
    main()
