"""Both kinds of places keep what they are given, byte for byte."""

from collections.abc import Mapping

import pytest

from alphapulse.backup.manifest import BackupError, Written
from alphapulse.backup.vault import Vault, deposit, open_vault, read
from tests.s3 import BUCKET


@pytest.mark.parametrize("name", ["backups/x/a.zst", "files/parquet/k/B_U/2026.gz", "files/%2E.x"])
def test_bytes_stay_what_they_were(vault: Vault, name: str) -> None:
    content = [b"1" * 100_000, b"", b"\x00\xff" * 3]
    written = deposit(vault, name, content)
    assert b"".join(vault.get(name)) == b"".join(content)
    assert vault.sizes() == vault.sizes(name.rpartition("/")[0] + "/") == {name: 100_006}
    assert (written.name, written.bytes) == (name, 100_006)


def test_an_empty_object_is_one_too(vault: Vault) -> None:
    deposit(vault, "backups/x/nothing", [])
    assert vault.sizes() == {"backups/x/nothing": 0}
    assert b"".join(vault.get("backups/x/nothing")) == b""


def test_what_is_deleted_is_gone_and_may_be_deleted_again(vault: Vault) -> None:
    deposit(vault, "backups/x/a", [b"1"])
    deposit(vault, "backups/y", [b"2"])
    for _ in range(2):
        vault.delete("backups/x/a")
    assert vault.sizes() == {"backups/y": 1}
    assert vault.sizes("nowhere/") == {}
    with pytest.raises(FileNotFoundError):
        list(vault.get("backups/x/a"))


def test_what_is_missing_or_of_another_content_is_named(vault: Vault) -> None:
    written = deposit(vault, "backups/x/a", [b"123"])
    assert b"".join(read(vault, written)) == b"123"
    with pytest.raises(BackupError, match=r"backups/x/b is missing"):
        list(read(vault, Written("backups/x/b", 3, written.sha256)))
    vault.put("backups/x/a", [b"124"])
    with pytest.raises(BackupError, match="is damaged"):
        list(read(vault, written))


def test_a_bucket_that_is_not_there_is_an_error_without_a_secret(
    bucket: Vault, s3: Mapping[str, str]
) -> None:
    nowhere = open_vault("s3://no-such-bucket/x", s3)
    with pytest.raises(OSError, match="NO_SUCH_BUCKET") as failure:
        deposit(nowhere, "backups/x/a", [b"1"])
    assert s3["AWS_SECRET_ACCESS_KEY"] not in str(failure.value)
    assert BUCKET in bucket.place
