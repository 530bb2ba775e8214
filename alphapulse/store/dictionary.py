"""What tables and views there are, in the database's own words."""

from typing import Any

from alphapulse.store.connect import Store

# A view's column is what the column of the same name in its tables is.
COLUMNS = """
SELECT c.relname, c.relkind IN ('v', 'm'), obj_description(c.oid, 'pg_class'), a.attname,
       format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
       coalesce(col_description(c.oid, a.attnum), (
           SELECT max(col_description(base.oid, same.attnum))
           FROM pg_rewrite r
               JOIN pg_depend d ON d.objid = r.oid AND d.classid = 'pg_rewrite'::regclass
               JOIN pg_class base ON base.oid = d.refobjid AND base.oid <> c.oid
               JOIN pg_attribute same ON same.attrelid = base.oid AND same.attname = a.attname
           WHERE r.ev_class = c.oid))
FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
ORDER BY c.relkind IN ('v', 'm') DESC, c.relname, a.attnum"""


def read_dictionary(store: Store) -> list[dict[str, Any]]:
    """Tables and views with their columns; views first, as they are for readers."""
    tables: dict[str, dict[str, Any]] = {}
    for name, is_view, meaning, column, kind, nullable, says in store.execute(COLUMNS).fetchall():
        table = tables.setdefault(
            name,
            {
                "table": name,
                "kind": "view" if is_view else "table",
                "meaning": meaning,
                "columns": [],
            },
        )
        table["columns"].append(
            {"column": column, "type": kind, "nullable": nullable, "meaning": says}
        )
    return list(tables.values())
