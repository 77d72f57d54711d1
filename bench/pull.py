"""How fast a bundle is pulled, beside what the loopback gives to a client that keeps nothing.

    python bench/pull.py [--megabytes 1000] [--directory DIR]

A server in a process of its own sends one large file with sendfile. Clients take it, in turn: one
that throws the bytes away (what the loopback gives), one that digests as many bytes and receives
none (what SHA-256 gives on one core), one that writes and then digests them as `curl` and
`sha256sum` would, and a pull: resolved, downloaded, digested, verified, activated. One line of
JSON: seconds of each round, medians in MB/s, and the pull's peak memory.
"""

from __future__ import annotations

import argparse
import hashlib
import http.server
import json
import multiprocessing
import os
import resource
import shutil
import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BLOCK = 1 << 20
Client = Callable[[int, Path], None]


def serve(folder: str, pipe: Any) -> None:
    """Serve a folder's files by sendfile, until the process is ended."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=folder)

        def copyfile(self, source: Any, outputfile: Any) -> None:
            self.connection.sendfile(source)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pipe.send(server.server_address[1])
    server.serve_forever()


def make_bundle(root: Path, megabytes: int) -> int:
    """Write a version with one file of random bytes; returns its size."""
    from mlops_engine.registry import FileFacts, encode
    from mlops_engine.registry.catalog import Catalog, Entry

    folder = root / "m" / "1"
    folder.mkdir(parents=True)
    digest, block = hashlib.sha256(), os.urandom(BLOCK)
    with (folder / "model.onnx").open("wb") as file:
        for n in range(megabytes * 1_000_000 // BLOCK):
            piece = n.to_bytes(8, "little") + block[8:]
            digest.update(piece)
            file.write(piece)
        size = file.tell()
    facts = {"model.onnx": FileFacts(digest.hexdigest(), size)}
    (folder / "bundle.json").write_bytes(encode(facts, {"semantic_version": "1.0.0"}))
    catalog = Catalog(versions={"1": Entry("1.0.0")}, aliases={"champion": "1"})
    (root / "m" / "index.json").write_bytes(catalog.encoded())
    return size


def receive(port: int, take: Callable[[memoryview], object]) -> None:
    """Get the file over a bare socket, with nothing between."""
    buffer = bytearray(BLOCK)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        request = b"GET /m/1/model.onnx HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        connection.sendall(request)
        while count := connection.recv_into(buffer):
            take(memoryview(buffer)[:count])


def to_nowhere(port: int, scratch: Path) -> None:
    """Take the bytes and forget them."""
    receive(port, len)


def digest_alone(size: int) -> Client:
    """Return what digests as many bytes, from one block that stays in the cache."""

    def run(port: int, scratch: Path) -> None:
        digest, block = hashlib.sha256(), os.urandom(BLOCK)
        for _ in range(size // BLOCK):
            digest.update(block)

    return run


def to_disk_then_digest(port: int, scratch: Path) -> None:
    """Write the bytes, bring them to the disk, then read them again for their digest."""
    with (scratch / "file").open("w+b", buffering=0) as file:
        receive(port, file.write)
        os.fsync(file.fileno())
        file.seek(0)
        hashlib.file_digest(file, "sha256")


def to_repository(port: int, scratch: Path) -> None:
    """Pull."""
    from mlops_engine.registry import Store, open_source, resolve

    source = open_source(f"http://127.0.0.1:{port}")
    reference = resolve("models:/m@champion", source)
    assert reference.pull(scratch / "models", store=Store(scratch / "store")).changed


def timed(client: Client, port: int, root: Path) -> tuple[float, int]:
    """Run a client in a fresh process; returns its seconds and its peak memory in bytes."""
    scratch = Path(tempfile.mkdtemp(dir=root))
    receiver, sender = multiprocessing.Pipe(duplex=False)

    def run() -> None:
        import mlops_engine.registry  # noqa: F401 (importing is not pulling)

        start = time.perf_counter()
        client(port, scratch)
        seconds = time.perf_counter() - start
        sender.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    found: tuple[float, int] = receiver.recv()
    process.join()
    shutil.rmtree(scratch)
    return found


def main() -> None:
    """Run the rounds, and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", type=Path, help="a disk, or memory such as /dev/shm")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        root = Path(folder)
        (root / "served").mkdir()
        size = make_bundle(root / "served", options.megabytes)
        clients = {
            "nowhere": to_nowhere,
            "digest_alone": digest_alone(size),
            "disk_then_digest": to_disk_then_digest,
            "pull": to_repository,
        }
        receiver, sender = multiprocessing.Pipe(duplex=False)
        server = multiprocessing.Process(target=serve, args=(str(root / "served"), sender))
        server.start()
        port = receiver.recv()
        try:
            rounds: dict[str, list[tuple[float, int]]] = {name: [] for name in clients}
            for _ in range(options.rounds):
                for name, client in clients.items():
                    rounds[name].append(timed(client, port, root))
        finally:
            server.terminate()
            server.join()
    speeds = {n: size / 1e6 / statistics.median(s for s, _ in r) for n, r in rounds.items()}
    print(
        json.dumps(
            {
                "bytes": size,
                "seconds": {n: [round(s, 3) for s, _ in r] for n, r in rounds.items()},
                "mb_per_s": {n: round(speed) for n, speed in speeds.items()},
                "of_nowhere": round(speeds["pull"] / speeds["nowhere"], 3),
                "of_digest_alone": round(speeds["pull"] / speeds["digest_alone"], 3),
                "of_disk_then_digest": round(speeds["pull"] / speeds["disk_then_digest"], 3),
                "pull_peak_bytes": max(peak for _, peak in rounds["pull"]),
            }
        )
    )


if __name__ == "__main__":
    main()
