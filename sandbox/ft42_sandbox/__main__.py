"""`python -m ft42_sandbox` is the command line."""

from ft42_sandbox.cli import main

main()
