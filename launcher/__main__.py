"""`python -m launcher` is `alphapulse`."""

from launcher.cli import main

if __name__ == "__main__":
    main()
