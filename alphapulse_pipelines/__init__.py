"""Nothing but Dagster: what there is to make, when, and how it is told.

The work is done in `alphapulse`. Import the files directly; only `definitions` and `export` read
settings, and no import touches a database.
"""
