"""Our .proto files against the descriptors that tritonclient ships, written by other people."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

PROTOS = Path(__file__).resolve().parents[2] / "src"
OURS = [
    "protocol/model_config.proto",
    "protocol/extensions.proto",
    "protocol/kserve.proto",
]

Field = tuple[int, int, int, str]
Described = dict[str, Field | int | tuple[str, str]]


def our_files(tmp_path: Path) -> list[descriptor_pb2.FileDescriptorProto]:
    protoc = shutil.which("protoc")
    assert protoc is not None, "protobuf-compiler is one of the packages the build needs"
    out = tmp_path / "ours.pb"
    subprocess.run(
        [protoc, f"--proto_path={PROTOS}", f"--descriptor_set_out={out}", *OURS], check=True
    )
    return list(descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file)


def their_files() -> list[descriptor_pb2.FileDescriptorProto]:
    from tritonclient.grpc import model_config_pb2, service_pb2

    files = []
    for module in (model_config_pb2, service_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        files.append(file)
    return files


def describe_enum(
    enum: descriptor_pb2.EnumDescriptorProto, prefix: str
) -> Iterator[tuple[str, int]]:
    for value in enum.value:
        yield f"{prefix}.{enum.name}.{value.name}", value.number


def describe_message(
    message: descriptor_pb2.DescriptorProto, prefix: str
) -> Iterator[tuple[str, Field | int]]:
    name = f"{prefix}.{message.name}"
    for field in message.field:
        yield f"{name}.{field.name}", (field.number, field.type, field.label, field.type_name)
    for nested in message.nested_type:
        yield from describe_message(nested, name)
    for enum in message.enum_type:
        yield from describe_enum(enum, name)


def describe(files: list[descriptor_pb2.FileDescriptorProto]) -> Described:
    """Return what is on the wire: fields by full name, enum values, and the types of methods."""
    found: Described = {}
    for file in files:
        for message in file.message_type:
            found.update(describe_message(message, file.package))
        for enum in file.enum_type:
            found.update(describe_enum(enum, file.package))
        for service in file.service:
            for method in service.method:
                name = f"{file.package}.{service.name}.{method.name}"
                found[name] = (method.input_type, method.output_type)
    return found


@pytest.fixture
def ours(tmp_path: Path) -> Described:
    return describe(our_files(tmp_path))


def test_every_line_of_ours_is_theirs(ours: Described) -> None:
    theirs = describe(their_files())
    assert len(ours) > 120
    assert {name: theirs.get(name) for name in ours} == ours


@pytest.mark.parametrize(
    "message",
    [
        "ModelInferRequest",
        "ModelInferResponse",
        "InferTensorContents",
        "InferParameter",
        "ModelStatistics",
        "InferStatistics",
        "SystemSharedMemoryRegisterRequest",
        "CudaSharedMemoryRegisterRequest",
        "TraceSettingRequest",
        "LogSettingsRequest",
    ],
)
def test_messages_are_complete(ours: Described, message: str) -> None:
    prefix = f"inference.{message}."
    theirs = {name for name in describe(their_files()) if name.startswith(prefix)}
    assert {name for name in ours if name.startswith(prefix)} == theirs
