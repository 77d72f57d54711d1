"""Prints, as JSON, where river's or frouros's detectors alarm and warn on the streams of cases.py.

Run by a Python that has the library, in this folder:

    python peer_alarms.py river 1 2 3     # seeds
"""

from __future__ import annotations

import json
import sys
from typing import Any

from cases import FROUROS_CASES, RIVER_CASES, Stream, streams_for


def river_detector(name: str, parameters: dict[str, Any]) -> Any:
    from river import drift

    theirs = {
        "Adwin": drift.ADWIN,
        "Ddm": drift.binary.DDM,
        "Eddm": drift.binary.EDDM,
        "HddmA": drift.binary.HDDMA,
        "HddmW": drift.binary.HDDMW,
        "PageHinkley": drift.PageHinkley,
        "Kswin": drift.KSWIN,
    }[name]
    renamed = {"two_sided": "two_sided_test", "lambda_": "lambda_val"}
    return theirs(**{renamed.get(key, key): value for key, value in parameters.items()})


def frouros_detector(name: str, parameters: dict[str, Any]) -> Any:
    from frouros.detectors.concept_drift import ECDDWT, STEPD, ECDDWTConfig, STEPDConfig

    renamed = {
        "min_instances": "min_num_instances",
        "window": "min_num_instances",
        "alpha_drift": "alpha_d",
        "alpha_warning": "alpha_w",
    }
    theirs = {renamed.get(key, key): value for key, value in parameters.items()}
    if name == "Ecdd":
        return ECDDWT(config=ECDDWTConfig(**theirs))
    return STEPD(config=STEPDConfig(**theirs))


def run_river(detector: Any, stream: Stream) -> tuple[list[int], list[int]]:
    alarms, warnings = [], []
    for i, value in enumerate(stream):
        detector.update(value)
        if detector.drift_detected:
            alarms.append(i)
        elif getattr(detector, "warning_detected", False):
            warnings.append(i)
    return alarms, warnings


def run_frouros(detector: Any, stream: Stream) -> tuple[list[int], list[int]]:
    alarms, warnings = [], []
    for i, value in enumerate(stream):
        detector.update(value=value)
        if detector.drift:
            alarms.append(i)
            detector.reset()
        elif detector.warning:
            warnings.append(i)
    return alarms, warnings


def main() -> None:
    peer, seeds = sys.argv[1], [int(seed) for seed in sys.argv[2:]]
    cases = RIVER_CASES if peer == "river" else FROUROS_CASES
    make, run = (river_detector, run_river) if peer == "river" else (frouros_detector, run_frouros)
    found = []
    for name, parameters in cases:
        for seed in seeds:
            for stream_name, stream in streams_for(name, seed).items():
                alarms, warnings = run(make(name, parameters), stream)
                found.append(
                    {
                        "detector": name,
                        "parameters": parameters,
                        "stream": stream_name,
                        "seed": seed,
                        "alarms": alarms,
                        "warnings": warnings,
                    }
                )
    print("[\n" + ",\n".join(json.dumps(entry) for entry in found) + "\n]")


if __name__ == "__main__":
    main()
