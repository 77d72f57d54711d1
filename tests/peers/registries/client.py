"""MLflow's own client: takes its steps as JSON on standard input, answers into a file."""

import json
import sys
from pathlib import Path

import mlflow
from mlflow import MlflowClient


def log_onnx(client: MlflowClient, model: str, path: str) -> str:
    """Log a graph as the ONNX flavour does, and register it."""
    import onnx

    with mlflow.start_run():
        info = mlflow.onnx.log_model(
            onnx.load(path), name="model", registered_model_name=model, save_as_external_data=False
        )
    return str(info.registered_model_version)


def log_folder(client: MlflowClient, model: str, path: str, tags: dict[str, str]) -> str:
    """Register a folder of files as they are."""
    with mlflow.start_run() as run:
        mlflow.log_artifacts(path, artifact_path="bundle")
    source = f"{run.info.artifact_uri}/bundle"
    return str(client.create_model_version(model, source, run.info.run_id, tags).version)


def set_alias(client: MlflowClient, model: str, alias: str, version: str) -> None:
    """Let an alias mean a version."""
    client.set_registered_model_alias(model, alias, version)


def describe(client: MlflowClient, model: str, alias: str) -> list[object]:
    """Return what an alias means: version, tags, and the files as MLflow downloads them."""
    version = client.get_model_version_by_alias(model, alias)
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{model}@{alias}"))
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    return [str(version.version), dict(version.tags), sorted(names)]


def main() -> None:
    """Run the steps, in order, against the server at sys.argv[1]."""
    mlflow.set_tracking_uri(sys.argv[1])
    client = MlflowClient()
    steps = {"log_onnx": log_onnx, "log_folder": log_folder, "set_alias": set_alias}
    steps["describe"] = describe
    answers = [steps[name](client, *arguments) for name, *arguments in json.load(sys.stdin)]
    Path(sys.argv[2]).write_text(json.dumps(answers))  # the client prints as it likes
    print("{}")


main()
