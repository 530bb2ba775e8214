"""Every PostgreSQL statement. One file per reader or writer; import them directly."""
