"""Prints what cyclonedx-python-lib's strict validator has against a document: null if nothing."""

import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
print(json.dumps(None if error is None else str(error)))
