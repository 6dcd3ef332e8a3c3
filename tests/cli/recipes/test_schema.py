from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from gantool.registry.catalog import installed


def test_the_schema_is_data_and_covers_every_component(gantool: Callable[..., Any]) -> None:
    outcome = gantool("schema")
    assert (outcome.code, outcome.stderr) == (0, "")
    schema = json.loads(outcome.stdout)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    named = {
        kind: table["properties"]["use"]["enum"]
        for kind, table in schema["definitions"].items()
        if "use" in table.get("properties", {})
    }
    named["extractor"] = schema["definitions"]["core.EvaluationTable"]["properties"]["extractor"][
        "enum"
    ]
    assert "exporter" not in named  # which recipes do not name
    offers = [offer for offer in installed().offers if offer.kind != "exporter"]
    assert offers
    for offer in offers:
        assert {offer.name, offer.full_name} <= set(named[offer.kind])


def test_a_recipe_may_begin_with_the_line_for_editors(
    gantool: Callable[..., Any], recipe: Any
) -> None:
    recipe.write_text(f"#:schema ./gantool.schema.json\n{recipe.read_text()}")
    assert gantool("validate", recipe).code == 0
