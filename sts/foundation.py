"""Keys, store, cache and journal, opened together: what the server and the commands on its host stand on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select

from sts.audit.journal import Journal
from sts.audit.sums import Sums
from sts.aws.errors import code_of
from sts.cache import Cache, open_cache
from sts.cache.address import MEMORY
from sts.cache.watched import CacheTimes, WatchedCache
from sts.clock import Clock
from sts.coherence import Coherence
from sts.directory import managed
from sts.entropy import Entropy
from sts.errors import KeysRefused, SealBroken
from sts.keyring.keyfiles import holds_keys
from sts.keyring.keyring import Keyring, open_keyring
from sts.keyring.making import complete_keys
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import make_stamp, verify_stamp
from sts.settings import Settings
from sts.store import versions
from sts.store.database import Database, Transaction, open_database
from sts.store.snapshot import Snapshot
from sts.store.tables import version
from sts.store.watched import StoreTimes, WatchedDatabase
from sts.telemetry.meters import Meters, open_meters
from sts.tracing.untraced import Untraced

if TYPE_CHECKING:
    from sts.tracing.traced import Traced

_KEY_CHECK = b"key-check"
_OTHER_KEYS = "The store was made with keys that are not in {}: put the key folder back, or set STS_KEYS_DIR to it"


@dataclass(frozen=True, slots=True)
class Foundation:
    """What both the server and the commands on its host stand on."""

    clock: Clock
    entropy: Entropy
    keyring: Keyring
    database: Database
    cache: Cache
    snapshot: Snapshot
    coherence: Coherence
    journal: Journal
    sums: Sums
    meters: Meters


def lay_foundation(
    settings: Settings,
    clock: Clock,
    entropy: Entropy,
    meters: Meters | None = None,
    tracing: "Untraced | Traced | None" = None,
) -> Foundation:
    """Open keys and store, made at first start and brought up to date; raises Refusal kin when they cannot be used."""
    settings.home.mkdir(parents=True, exist_ok=True)
    meters, tracing = meters or open_meters(), tracing or Untraced()
    database = WatchedDatabase(tracing.around_database(open_database(settings.database_url)), StoreTimes(meters))
    database.migrate(lambda connection: prepare_store(connection, clock, entropy))
    keyring = open_keys(settings, database, clock, entropy)
    snapshot = Snapshot(database, database.read_now(versions.read_version), settings.snapshot_bytes)
    cache = WatchedCache(tracing.around_cache(open_cache(settings.cache_url, clock)), CacheTimes(meters))
    coherence = Coherence(snapshot, entropy, None if settings.cache_url == MEMORY else cache)
    journal = Journal(database, coherence, keyring, clock, entropy.nonce(), code_of, meters)
    return Foundation(clock, entropy, keyring, database, cache, snapshot, coherence, journal, Sums(), meters)


def open_keys(settings: Settings, database: Database, clock: Clock, entropy: Entropy) -> Keyring:
    """Open the keys that the store was made with, or make those of a store that has none yet; raises KeysRefused.

    Keys are never made for a store that has some: with a folder that is mistaken or not mounted, all that was sealed
    would be lost to its owners, and records would be written that the right keys do not verify.
    """
    epoch, check = database.read_now(versions.find_key_check)
    if check is not None and not holds_keys(settings.keys_dir):
        raise KeysRefused(_OTHER_KEYS.format(settings.keys_dir))
    if check is not None:
        complete_keys(settings.keys_dir, clock, entropy)
    keyring = open_keyring(settings.keys_dir, clock, entropy, create=check is None)
    if check is None:
        stamp = make_stamp(keyring, Purpose.AUDIT, _KEY_CHECK, epoch.encode("ascii"))
        database.transact_now(lambda tx: versions.put_key_check(tx.connection, stamp), clock.now())
        _, check = database.read_now(versions.find_key_check)
    try:
        verify_stamp(keyring, Purpose.AUDIT, _KEY_CHECK, epoch.encode("ascii"), check or b"")
    except SealBroken:
        raise KeysRefused(_OTHER_KEYS.format(settings.keys_dir)) from None
    return keyring


def begin_epoch(at: Foundation, transaction: Transaction) -> str:
    """Begin a new epoch of a store that was put back, and return it.

    Its counter goes on from a time that processes and Redis may be ahead of; by the epoch they see that it is another.
    """
    epoch = at.entropy.nonce()
    stamp = make_stamp(at.keyring, Purpose.AUDIT, _KEY_CHECK, epoch.encode("ascii"))
    versions.begin_epoch(transaction.connection, epoch, stamp)
    return epoch


def prepare_store(connection: Connection, clock: Clock, entropy: Entropy) -> None:
    """Give a store that was just made or migrated its version and the managed policies of the service."""
    if connection.execute(select(version)).one_or_none() is None:
        connection.execute(insert(version).values(id=1, epoch=entropy.nonce(), counter=0))
    transaction = Transaction(connection, clock.now())
    managed.install(transaction)
    versions.raise_version(connection, transaction.changes)
