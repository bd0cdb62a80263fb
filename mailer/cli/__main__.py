"""`python -m mailer.cli` is `jianbao`."""

from mailer.cli import main

main()
