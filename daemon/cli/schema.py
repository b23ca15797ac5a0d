"""`tonebus schema`: the contract, for those who read or publish."""

from __future__ import annotations

import click

from daemon import settings
from daemon.cli.terminal import print_json
from daemon.contract import asyncapi as contract
from daemon.contract import json_schema


@click.group()
def schema() -> None:
    """Print the contract: JSON Schema, or AsyncAPI of the running configuration.

    Example: tonebus schema asyncapi > asyncapi.json
    """


@schema.command()
@click.option("--connector", default="", help="What this connector asks of a message instead.")
def jsonschema(connector: str) -> None:
    """Print the JSON Schema of a tone event, or of a connector's input.

    Example: tonebus schema jsonschema --connector helpdesk
    """
    found = json_schema.event_schema()
    if connector:
        chosen = settings.load().connector(connector)
        found = {
            "$schema": json_schema.DIALECT,
            **json_schema.input_schema(chosen.mapping_config()),
        }
    print_json(found, indented=True)


@schema.command()
def asyncapi() -> None:
    """Print AsyncAPI 3: every exchange, queue, key and message of the configuration.

    Example: TONEBUS_CONFIG=tonebus.toml tonebus schema asyncapi
    """
    print_json(contract.asyncapi(settings.load()), indented=True)
