"""From the command line's wishes to the variants that are interleaved."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mlops_engine.bench import in_process, payload, server_process
from mlops_engine.bench.interleave import Variant
from mlops_engine.bench.load import Load
from mlops_engine.bench.loadgen import Endpoint, Loadgen, LoadgenError, Timing, find_program
from mlops_engine.bench.payload import Input, Payload
from mlops_engine.bench.result import Repeat

PROTOCOLS = ("http", "http-json", "grpc")
WORKERS = 64


@dataclass(frozen=True)
class Url:
    """One ``--url``: ``[NAME=]SCHEME://HOST:PORT``."""

    name: str
    protocol: str
    address: str

    @property
    def port(self) -> int:
        """Port number."""
        return int(self.address.rsplit(":", 1)[1])

    @property
    def local(self) -> bool:
        """Whether the host is this machine by name or by loopback address."""
        host = self.address.rsplit(":", 1)[0]
        return host == "localhost" or host.startswith("127.")


def parse_url(text: str) -> Url:
    """Read one ``--url``.

    Raises
    ------
    ValueError
        If the scheme is unknown or there is no port.
    """
    name, _, rest = text.rpartition("=")
    protocol, separator, address = rest.partition("://")
    host, _, port = address.rstrip("/").rpartition(":")
    if not separator or protocol not in PROTOCOLS or not host or not port.isdigit():
        raise ValueError(f"a URL is [NAME=]http|http-json|grpc://HOST:PORT, got {text!r}")
    return Url(name or protocol, protocol, f"{host}:{port}")


@dataclass(frozen=True)
class VariantOptions:
    """What ``mlops-bench run`` was asked for, checked."""

    model: str
    urls: list[Url]
    in_process: Path | None
    inputs: list[Input]
    batch: int
    rows: Path | None
    verify: Path | None
    tolerance: float
    seed: int
    timing: Timing
    server_cpus: list[int] | None
    token_files: dict[str, Path]
    allow_remote: bool
    folder: Path

    @classmethod
    def from_namespace(cls, options: argparse.Namespace, folder: Path) -> VariantOptions:
        """Check and convert parsed arguments; `folder` is scratch space."""
        urls = [parse_url(text) for text in options.url]
        if len({url.name for url in urls}) != len(urls):
            raise ValueError(
                "two URLs with one scheme need names: --url before=http://... --url after=http://..."
            )
        timing = Timing(
            options.warmup,
            options.duration,
            options.client_cpu,
            options.arrivals,
            options.seed,
            options.spin,
        )
        return cls(
            model=options.model,
            urls=urls,
            in_process=options.in_process,
            inputs=[payload.parse_input(text) for text in options.input],
            batch=options.batch,
            rows=options.rows,
            verify=options.verify,
            tolerance=options.tolerance,
            seed=options.seed,
            timing=timing,
            server_cpus=options.server_cpus,
            token_files=token_files(options.token_file, urls),
            allow_remote=options.allow_remote,
            folder=folder,
        )


def token_files(texts: list[str], urls: list[Url]) -> dict[str, Path]:
    """Read every ``--token-file``.

    Parameters
    ----------
    texts : list of str
        ``[NAME=]FILE``: the token of one URL, or of all that have no other.
    urls : list of Url
        Those that there are.

    Returns
    -------
    dict of str to Path
        By the URL's name.

    Raises
    ------
    ValueError
        If a name is no URL's.
    """
    named = [text.rpartition("=") for text in texts]
    files = {url.name: Path(path) for name, _, path in named if not name for url in urls}
    files |= {name: Path(path) for name, _, path in named if name}
    if unknown := files.keys() - {url.name for url in urls}:
        raise ValueError(f"--token-file: no URL is called {', '.join(sorted(unknown))}")
    return files


def build_payload(wanted: VariantOptions) -> Payload:
    """Find the model's inputs, then the rows, then what replies must be.

    Raises
    ------
    ValueError
        If the inputs are not known and nothing that was given can tell them.
    """
    inputs = wanted.inputs
    if not inputs and wanted.in_process is not None:
        inputs = payload.inputs_from_model(wanted.in_process, wanted.batch)
    if not inputs:
        http = [url for url in wanted.urls if url.protocol != "grpc"]
        if not http:
            raise ValueError(
                "over gRPC alone the inputs have to be given: --input NAME:DATATYPE:SHAPE"
            )
        inputs = payload.inputs_from_server(http[0].address, wanted.model, wanted.batch)
    if wanted.rows is not None:
        arrays = payload.load_rows(wanted.rows, inputs)
    else:
        arrays = payload.generate(inputs, wanted.seed)
    filled = Payload(inputs, arrays)
    return (
        filled if wanted.verify is None else payload.expect(filled, wanted.verify, wanted.tolerance)
    )


def build_variants(wanted: VariantOptions, stack: ExitStack) -> list[Variant]:
    """Prepare every variant; `stack` closes what they hold.

    Raises
    ------
    ValueError, OSError, LoadgenError
        If something that was asked for cannot be measured.
    """
    rows = build_payload(wanted)
    variants: list[Variant] = []
    if wanted.urls:
        program = find_program("mlops-loadgen")
        if program is None:
            raise LoadgenError("mlops-loadgen was not found beside Python, on PATH, or in build/")
        generator = Loadgen(rows, wanted.folder, program, allow_remote=wanted.allow_remote)
        variants += [_remote(url, generator, wanted) for url in wanted.urls]
    if wanted.in_process is not None:
        for name, candidate in (
            ("engine", in_process.engine_candidate(wanted.model, wanted.in_process)),
            ("onnxruntime", in_process.onnxruntime_candidate(wanted.in_process, WORKERS)),
        ):
            stack.callback(candidate.close)
            variants.append(_local(name, candidate, rows, wanted.timing))
    return variants


def _remote(url: Url, generator: Loadgen, wanted: VariantOptions) -> Variant:
    pid = server_process.pid_of_port(url.port) if url.local else None
    if wanted.server_cpus is not None:
        if pid is None:
            raise ValueError(f"--server-cpus: no process of ours listens on {url.address}")
        server_process.pin(pid, wanted.server_cpus)
    endpoint = Endpoint(
        url.protocol,
        url.address,
        wanted.model,
        () if pid is None else (pid,),
        wanted.token_files.get(url.name),
    )

    def measure(load: Load) -> Repeat:
        return generator.measure(endpoint, load, wanted.timing)

    return Variant(url.name, url.protocol, measure)


def _local(name: str, candidate: in_process.Candidate, rows: Payload, timing: Timing) -> Variant:
    def measure(load: Load) -> Repeat:
        if load.rate_per_s is not None:
            return in_process.measure_open(candidate, rows, load, timing)
        return in_process.measure_closed(candidate.infer, rows, load, timing)

    return Variant(name, "in-process", measure)
