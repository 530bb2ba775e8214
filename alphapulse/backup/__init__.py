"""Backups of the store and of the lake, their restore, and the drill that proves them.

    PLACE/backups/{instant}/tables/NAME.zst    every small table, one snapshot of the store
    PLACE/backups/{instant}/trades.zst         trades of the days that no copied file holds
    PLACE/backups/{instant}/dagster.dump       Dagster's database, by pg_dump
    PLACE/backups/{instant}/manifest.json      written last, read back: only now it is a backup
    PLACE/files/{path}.{sha256}.parquet        the lake's files, each stored once and never changed

Why so: docs/decisions/0009.
"""
