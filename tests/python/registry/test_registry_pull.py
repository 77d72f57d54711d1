"""From an address to a version in a repository, and back to the one before."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from registry_bundles import (
    MemorySource,
    bundle_files,
    facts_of,
    read_files,
    transfer,
    write_files,
)

from mlops_engine import InvalidArgument, NotFound
from mlops_engine.registry import (
    FolderSource,
    LocalRegistry,
    Store,
    active,
    collect,
    history,
    pull,
    resolve,
)
from mlops_engine.registry.bundle import Bundle, from_store
from mlops_engine.registry.reference import Reference
from mlops_engine.train.bundle import publish

OLD = bundle_files({"model.onnx": b"old", "w/weights.data": b"same"})
NEW = bundle_files({"model.onnx": b"new", "w/weights.data": b"same"}, semantic_version="1.3.0")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "models"


def served(repository: Path, number: int) -> dict[str, bytes]:
    assert active(repository, "m") == [number]
    return read_files(repository / "m" / str(number))


def test_an_alias_is_pulled_and_moves(store: Store, repository: Path) -> None:
    source = MemorySource({"1": OLD, "2": NEW}, champion="1")
    pulled = resolve("models:/m@champion", source).pull(repository, store=store)
    assert (pulled.number, pulled.semantic_version, pulled.changed) == (1, "1.2.3", True)
    assert served(repository, 1) == OLD
    source.aliases = {"champion": "2"}
    pulled = pull(resolve("models:/m@champion", source), repository, store=store)
    assert served(repository, 2) == NEW
    assert pulled.fetched_bytes == len(b"new")  # the weights were here


def test_nothing_is_done_twice(store: Store, repository: Path) -> None:
    source = MemorySource({"1": OLD})
    first = resolve("models:/m/1", source).pull(repository, store=store)
    inode = (first.directory / "model.onnx").stat().st_ino
    source.opened.clear()
    again = resolve("models:/m/1", source).pull(repository, store=store)
    assert not again.changed
    assert again.fetched_bytes == 0
    assert source.opened == [("bundle.json", 0)]
    assert (first.directory / "model.onnx").stat().st_ino == inode


def test_going_back_needs_no_download(store: Store, repository: Path) -> None:
    source = MemorySource({"1": OLD, "2": NEW})
    for number in (1, 2, 1):
        pulled = resolve(f"models:/m/{number}", source).pull(repository, store=store)
        assert active(repository, "m") == [number]
    assert pulled.changed
    assert pulled.fetched_bytes == 0
    assert [good.number for good in history.read(store, "m").good] == [1, 2]


def test_a_repository_holds_the_stores_own_files(store: Store, repository: Path) -> None:
    resolve("models:/m/1", MemorySource({"1": OLD})).pull(repository, store=store)
    blob = store.blob(facts_of(b"old").sha256)
    file = repository / "m" / "1" / "model.onnx"
    assert os.path.samefile(blob, file)
    assert file.stat().st_mode & 0o777 == 0o444


def test_a_version_without_manifest_gets_one(store: Store, repository: Path) -> None:
    files = {"export/flights.onnx": b"graph", "export/w.data": b"w", "MLmodel": b"flavors:"}
    reference = resolve("models:/m/7", MemorySource({"7": files}))
    assert reference.digest.startswith("listing-sha256:")
    pulled = reference.pull(repository, store=store)
    made = served(repository, 7)
    assert made["model.onnx"] == b"graph"
    assert made["w.data"] == b"w"
    assert pulled.digest == "sha256:" + facts_of(made["bundle.json"]).sha256
    # What was made is a bundle like any other.
    again = resolve("models:/m/7", FolderSource(repository))
    assert again.digest == pulled.digest


def test_a_configuration_lies_beside_the_versions(store: Store, repository: Path) -> None:
    files = bundle_files({"model.onnx": b"x", "config.pbtxt": b"max_batch_size: 4\n"})
    resolve("models:/m/1", MemorySource({"1": files})).pull(repository, store=store)
    assert (repository / "m" / "config.pbtxt").read_bytes() == files["config.pbtxt"]
    assert set(served(repository, 1)) == {"model.onnx", "bundle.json"}
    again = resolve("models:/m/1", FolderSource(repository))
    assert again.manifest is not None
    assert again.pull(repository.parent / "other", store=store).fetched_bytes == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"extra.txt": b""}, "'extra.txt' is not in bundle.json"),
        ({"w/weights.data": None}, "'w/weights.data' of bundle.json is not there"),
        ({"model.onnx": b"longer than it was"}, "is not the file of bundle.json"),
        ({"model.onnx": b"NEW"}, "has the SHA-256"),
        ({"bundle.json": b"{}"}, "not valid"),
    ],
)
def test_a_bundle_that_is_not_what_it_says_changes_nothing(
    store: Store, repository: Path, change: dict[str, bytes | None], reason: str
) -> None:
    bad = {n: d for n, d in {**NEW, **change}.items() if d is not None}
    source = MemorySource({"1": OLD, "2": bad})
    resolve("models:/m/1", source).pull(repository, store=store)
    with pytest.raises(InvalidArgument, match=reason):
        resolve("models:/m/2", source).pull(repository, store=store, transfer=transfer())
    assert served(repository, 1) == OLD


def test_a_version_that_changes_is_refused(store: Store, repository: Path) -> None:
    resolve("models:/m/1", MemorySource({"1": OLD})).pull(repository, store=store)
    with pytest.raises(InvalidArgument, match="a version must not change"):
        resolve("models:/m/1", MemorySource({"1": NEW})).pull(repository, store=store)
    assert served(repository, 1) == OLD


def test_what_verification_refuses_does_not_serve(store: Store, repository: Path) -> None:
    def refuse(model: str, bundle: Bundle) -> None:
        raise InvalidArgument(f"{model} {bundle.manifest.semantic_version}")

    source = MemorySource({"1": OLD, "2": NEW})
    resolve("models:/m/1", source).pull(repository, store=store)
    with pytest.raises(InvalidArgument, match=r"m 1\.3\.0"):
        resolve("models:/m/2", source).pull(repository, store=store, verify=refuse)
    assert served(repository, 1) == OLD


def test_versions_of_other_tools_are_not_removed(store: Store, repository: Path) -> None:
    write_files(repository / "m" / "3", {"model.onnx": b"by hand"})
    with pytest.raises(InvalidArgument, match="put there by other means"):
        resolve("models:/m/1", MemorySource({"1": OLD})).pull(repository, store=store)
    assert active(repository, "m") == [3]


def test_versions_of_a_trainer_are_not_removed(store: Store, repository: Path) -> None:
    facts = {"semantic_version": "1.0.0", "signature": {"inputs": [], "outputs": []}}
    trained = publish(repository, "m", {"model.onnx": b"trained"}, facts)
    with pytest.raises(InvalidArgument, match="put there by other means"):
        resolve("models:/m/2", MemorySource({"2": NEW})).pull(repository, store=store)
    assert active(repository, "m") == [1]
    # A trainer's bundle is one like any other, and the same one is no other's.
    reference = resolve("models:/m/1", FolderSource(repository))
    assert reference.manifest is not None
    assert reference.manifest.files["model.onnx"] == facts_of(b"trained")
    assert not reference.pull(repository, store=store).changed
    elsewhere = reference.pull(repository.parent / "other", store=store)
    assert read_files(elsewhere.directory) == read_files(trained.directory)


def test_a_damaged_file_of_the_store_is_fetched_again(store: Store, repository: Path) -> None:
    source = MemorySource({"1": OLD})
    pulled = resolve("models:/m/1", source).pull(repository, store=store)
    blob = store.blob(facts_of(b"old").sha256)
    blob.chmod(0o644)
    blob.write_bytes(b"0ld")
    with pytest.raises(NotFound, match="damaged"):
        from_store(store, pulled.digest)
    other = repository.parent / "other"
    assert resolve("models:/m/1", source).pull(other, store=store).fetched_bytes == 3
    assert served(other, 1) == OLD


def test_two_engines_on_one_store_download_once(store: Store, tmp_path: Path) -> None:
    source = MemorySource({"1": bundle_files({"model.onnx": os.urandom(1 << 20)})})
    references = [resolve("models:/m/1", source) for _ in range(4)]
    source.opened.clear()
    failures: list[BaseException] = []

    def run(reference: Reference, at: int) -> None:
        try:
            pull(reference, tmp_path / str(at), store=Store(store.root))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(r, i)) for i, r in enumerate(references)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert source.opened == [("model.onnx", 0)]
    for at in range(4):
        assert served(tmp_path / str(at), 1) == source.versions["1"]


def test_what_is_no_longer_needed_is_collected(store: Store, repository: Path) -> None:
    bundles = {str(n): bundle_files({"model.onnx": f"graph {n}".encode()}) for n in range(1, 6)}
    source = MemorySource(bundles)
    digests = [
        resolve(f"models:/m/{n}", source).pull(repository, store=store).digest for n in bundles
    ]
    (store.root / "staging" / "old.part").write_bytes(b"")
    os.utime(store.root / "staging" / "old.part", (0, 0))
    (store.root / "staging" / "young.part").write_bytes(b"")
    removed = collect(store, keep=2, pinned={digests[0]})
    assert (removed.bundles, removed.blobs, removed.bytes) == (2, 2, len(b"graph 2graph 3"))
    assert set(store.bundles()) == {digests[0], digests[3], digests[4]}
    for digest in store.bundles():
        from_store(store, digest)
    staged = {p.name for p in (store.root / "staging").glob("*.part")}
    assert staged == {"young.part"}


def test_nothing_is_collected_while_somebody_pulls(store: Store) -> None:
    with store.pulling():
        assert collect(Store(store.root)).busy
    assert not collect(store).busy


def test_the_local_registry(tmp_path: Path, store: Store, repository: Path) -> None:
    registry = LocalRegistry(tmp_path / "registry")
    made = write_files(tmp_path / "made", {"model.onnx": b"graph", "w.data": os.urandom(3 << 20)})
    files = {"model.onnx": made / "model.onnx", "w.data": made / "w.data"}
    one = registry.register("m", files, {"semantic_version": "1.0.0"}, {"stage": "prod"})
    two = registry.register("m", files, {"semantic_version": "1.1.0"})
    registry.set_alias("m", "champion", 1)
    registry.set_tag("m", 2, "stage", "test")
    assert (one.id, two.id) == ("1", "2")
    for address, number in {
        "models:/m@champion": 1,
        "models:/m": 2,
        "models:/m/^1.0": 2,
        "models:/m?stage=prod": 1,
        "models:/m?stage=test": 2,
    }.items():
        assert resolve(address, registry).version.number == number
    registry.set_alias("m", "champion", 2)
    pulled = resolve("models:/m@champion", registry).pull(repository, store=store)
    assert (pulled.number, pulled.semantic_version) == (2, "1.1.0")
    for wrong in ("models:/m@other", "models:/other", "models:/m/9"):
        with pytest.raises(NotFound):
            resolve(wrong, registry)
    with pytest.raises(NotFound):
        registry.set_alias("m", "champion", 9)
    with pytest.raises(InvalidArgument):
        registry.register("m", {"m.pkl": made / "model.onnx"}, {"semantic_version": "1.0.0"})
    assert [v.id for v in registry.versions("m")] == ["1", "2"]
    assert read_files(registry.root / "models" / "m") == {
        f"{n}/{name}": (registry.root / "models" / "m" / n / name).read_bytes()
        for n in "12"
        for name in ("model.onnx", "w.data", "bundle.json")
    }


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "m" / "1", {"model.onnx": b"graph"})
    (folder / "w.data").symlink_to("/etc/passwd")
    with pytest.raises(InvalidArgument, match="neither a plain file"):
        resolve("models:/m/1", tmp_path)
