"""Print a suite as Great Expectations keeps it, and which rows of the given ones it refuses."""

import json
import sys

import great_expectations as gx
import pandas as pd
from great_expectations import expectations as gxe

context = gx.get_context(mode="ephemeral")
suite = context.suites.add(gx.ExpectationSuite(name="trips"))
for expectation in (
    gxe.ExpectColumnValuesToBeBetween(column="miles", min_value=0, max_value=5000),
    gxe.ExpectColumnValuesToNotBeNull(column="miles"),
    gxe.ExpectColumnValuesToBeInSet(column="carrier", value_set=["AA", "DL"]),
    gxe.ExpectColumnValuesToMatchRegex(column="code", regex="[A-Z]{3}"),
    gxe.ExpectColumnValueLengthsToBeBetween(column="code", min_value=3, max_value=5),
    gxe.ExpectColumnValuesToBeBetween(column="hour", min_value=0, max_value=23),
    gxe.ExpectColumnMeanToBeBetween(column="hour", min_value=0, max_value=23),
):
    suite.add_expectation(expectation)
source = context.data_sources.add_pandas("pandas").add_dataframe_asset("rows")
batches = source.add_batch_definition_whole_dataframe("all")
refused = []
for row in json.load(sys.stdin):
    batch = batches.get_batch({"dataframe": pd.DataFrame([row])})
    refused.append(not batch.validate(suite).success)
print(json.dumps({"suite": suite.to_json_dict(), "refused": refused}))
