"""Print a schema as Pandera writes it, and which rows of the given ones it refuses."""

import json
import sys

import pandas as pd
import pandera.pandas as pa

schema = pa.DataFrameSchema(
    {
        "miles": pa.Column(float, [pa.Check.ge(0), pa.Check.le(5000)]),
        "hour": pa.Column("int64", pa.Check.in_range(0, 23)),
        "carrier": pa.Column(str, pa.Check.isin(["AA", "DL"]), nullable=True),
        "code": pa.Column(str, [pa.Check.str_matches("[A-Z]{3}"), pa.Check.str_length(3, 5)]),
        "note": pa.Column(str, pa.Check.str_startswith("x"), required=False),
    },
    strict=True,
)
rows = json.load(sys.stdin)
refused = []
for row in rows:
    try:
        schema.validate(pd.DataFrame([row]).astype({"miles": float}))
        refused.append(False)
    except pa.errors.SchemaError:
        refused.append(True)
print(json.dumps({"schema": json.loads(schema.to_json()), "refused": refused}))
