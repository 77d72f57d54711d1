"""`mlops drift`: what changed, from profiles of files and servers."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from mlops_engine.drift import Profile, Report, Window, compare, connect
from mlops_engine.errors import MlopsError
from mlops_engine.server_api import ServerApi

EXIT_CHANGED = 3
TOKEN_VARIABLE = "MLOPS_TOKEN"
EPILOG = f"""\
A window is a file or an http(s) URL of a profile, as servers and Window.to_bytes() give it; its
reference is in it. --url and --model ask servers for theirs. Several (replicas, hours) are added
up, exactly. A .parquet file is counted here, and needs --reference, which may be a .parquet file as
well. The exit status is {EXIT_CHANGED} when a stream has changed by enough to matter.

Servers with tokens want one with the role observe: {TOKEN_VARIABLE} in the environment, or
--token-file, or --token, which other users of the machine can read.

  mlops drift report --url http://a:8000 --url http://b:8000 --model flights --last 1h
  mlops drift report july.parquet --reference june.parquet --categorical carrier
  mlops drift merge a.profile b.profile --output both.profile
"""


class DriftError(OSError):
    """A window that cannot be read, or not be used with the others."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command line of `mlops drift`."""
    parser = commands.add_parser(
        "drift",
        help="what has changed: a report, or profiles of replicas added up",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    report = verbs.add_parser(
        "report",
        help="compare windows with their reference",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_windows(report)
    report.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page")
    report.add_argument("--json", action="store_true", help="print all statistics as JSON")
    report.add_argument("--csv", type=Path, metavar="FILE", help="write the table; needs polars")
    report.set_defaults(run=run_report)
    merge = verbs.add_parser("merge", help="add up windows of one reference")
    _add_windows(merge)
    merge.add_argument("--output", "-o", type=Path, required=True, metavar="FILE")
    merge.set_defaults(run=run_merge)


def _add_windows(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("window", nargs="*", help="file or URL of a profile")
    parser.add_argument("--url", action="append", default=[], help="of a server; may be repeated")
    parser.add_argument("--model", help="of the servers; needs --url")
    parser.add_argument("--version", type=int, metavar="N", help="of the model; else its default")
    parser.add_argument("--last", metavar="SPAN", help="only rows of the last 90s, 15m, 6h or 30d")
    parser.add_argument("--token", help=f"for servers; by default ${TOKEN_VARIABLE}")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="file with the token")
    parser.add_argument("--reference", metavar="FILE", help="profile or .parquet to count against")
    parser.add_argument(
        "--categorical",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column of codes in a .parquet reference; may be repeated",
    )


def run_report(arguments: argparse.Namespace) -> int:
    """Print what has changed."""
    window = _windows(arguments)
    report = compare(window.reference, window)
    if arguments.html:
        report.html(arguments.html)
    if arguments.csv:
        report.table().write_csv(arguments.csv)
    print(json.dumps(_as_json(report), allow_nan=False) if arguments.json else _as_text(report))
    return EXIT_CHANGED if report.alerts else 0


def run_merge(arguments: argparse.Namespace) -> int:
    """Write the sum of windows."""
    window = _windows(arguments)
    arguments.output.write_bytes(window.to_bytes())
    print(
        f"{len(arguments.window) + len(arguments.url)} windows, {window.rows} rows: "
        f"{arguments.output}",
        file=sys.stderr,
    )
    return 0


def _windows(arguments: argparse.Namespace) -> Window:
    token = arguments.token or os.environ.get(TOKEN_VARIABLE)
    if arguments.token_file:
        token = arguments.token_file.read_text().strip()
    reference = _reference(arguments.reference, arguments.categorical, token)
    windows = [(name, _window(name, reference, token)) for name in arguments.window]
    windows += _of_servers(arguments, reference, token)
    if not windows:
        raise DriftError("nothing to read: name files or URLs, or --url and --model")
    total = windows[0][1]
    for source, window in windows[1:]:
        try:
            total.merge(window)
        except MlopsError as error:
            raise DriftError(f"{source}: {error}") from None
    return total


def _of_servers(
    arguments: argparse.Namespace, reference: Profile | None, token: str | None
) -> list[tuple[str, Window]]:
    if bool(arguments.url) != bool(arguments.model):
        raise DriftError("--url and --model go together")
    windows = []
    for url in arguments.url:
        try:
            watch = connect(url, arguments.model, arguments.version, token=token)
            window = watch.window(arguments.last)
        except MlopsError as error:
            raise DriftError(str(error)) from None
        windows.append((url, _checked(url, window, reference)))
    return windows


def _reference(source: str | None, categorical: Sequence[str], token: str | None) -> Profile | None:
    if source is None:
        return None
    if source.endswith(".parquet"):
        return Profile.from_parquet(source, categorical=categorical)
    try:
        return Profile.from_bytes(_read(source, token))
    except MlopsError as error:
        raise DriftError(f"{source}: {error}") from None


def _window(source: str, reference: Profile | None, token: str | None) -> Window:
    try:
        if source.endswith(".parquet"):
            if reference is None:
                raise DriftError(
                    f"{source} holds rows: --reference says what to count them against"
                )
            return Profile.like(reference).update_parquet(source)
        window = Window.from_bytes(_read(source, token))
    except MlopsError as error:
        raise DriftError(f"{source}: {error}") from None
    return _checked(source, window, reference)


def _checked(source: str, window: Window, reference: Profile | None) -> Window:
    if reference is not None and window.reference != reference:
        raise DriftError(f"{source} was counted against another reference")
    return window


def _read(source: str, token: str | None) -> bytes:
    """Read a file, or what a server answers; more than a profile can be is refused."""
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https"):
        return Path(source).read_bytes()
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return ServerApi(f"{parts.scheme}://{parts.netloc}", token).get(path)


def _as_json(report: Report) -> dict[str, object]:
    rows = [
        {
            name: None if value in (float("inf"), float("-inf")) else value
            for name, value in row.items()
        }
        for row in report.rows()
    ]
    return {
        "reference": report.reference_id,
        "reference_rows": report.reference_rows,
        "window_rows": report.window_rows,
        "alerts": [vars(alert) for alert in report.alerts],
        "streams": rows,
    }


def _as_text(report: Report) -> str:
    lines = [f"{report.window_rows:,} rows against {report.reference_rows:,} of the reference"]
    lines += [str(alert) for alert in report.alerts] or ["nothing has changed by enough to matter"]
    width = max(len(stream.name) for stream in report.streams)
    lines.append(f"{'stream':{width}}  {'PSI':>8} {'JS':>7} {'KS':>7} {'W1/IQR':>8} {'missing':>8}")
    for row in sorted(report.rows(), key=lambda row: -row["psi_debiased"]):
        ks, w1 = row.get("ks"), row.get("w1_per_iqr")
        lines.append(
            f"{row['stream']:{width}}  {row['psi_debiased']:8.4f} {row['js_distance']:7.4f} "
            + ("      -        -" if ks is None or w1 is None else f"{ks:7.4f} {w1:8.3f}")
            + f" {row['missing_rate']:8.2%}"
        )
    return "\n".join(lines)
