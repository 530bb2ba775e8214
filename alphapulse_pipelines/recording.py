"""How a run over many partitions tells Dagster of each, the failed ones included."""

from collections.abc import Mapping

import dagster as dg


def record(
    context: dg.AssetExecutionContext,
    made: Mapping[str, Mapping[str, dg.MetadataValue]],
    failed: Mapping[str, str],
) -> None:
    """Each partition's own metadata; when some failed, the good ones count all the same.

    Both are keyed by partition; `failed` says why. Raises Failure where there is one: Dagster then
    takes no materialization from the step itself, so that the good ones are told one by one.
    """
    for key, metadata in made.items():
        if failed:
            context.log_event(
                dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata)
            )
        else:
            context.add_asset_metadata(metadata, partition_key=key)
    if failed:
        raise dg.Failure(
            f"{len(failed)} of {len(made) + len(failed)} partitions failed; the others are made",
            metadata={"failed": partitions_table(failed)},
            allow_retries=False,
        )


def partitions_table(reasons: Mapping[str, str]) -> dg.MetadataValue:
    """A row for each partition: its key, and what is wrong with it."""
    return dg.MetadataValue.table(
        [dg.TableRecord({"partition": key, "reason": why}) for key, why in reasons.items()]
    )
