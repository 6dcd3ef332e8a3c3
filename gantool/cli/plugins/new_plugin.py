"""`gantool new-plugin`: a package to put a component of one's own into."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gantool.cli.arguments import argument, check_kind, complete_kind, examples, option
from gantool.cli.output import print_lines
from gantool.cli.plugins.installed import KINDS
from gantool.errors import UsageError

if TYPE_CHECKING:
    from gantool.registry.catalog import Catalog
    from gantool.scaffold.package import Names


@examples(
    "gantool new-plugin sparkle --kind regularizer",
    "gantool new-plugin my-photos --kind dataset --folder ~/plugins",
)
def new_plugin(
    name: Annotated[
        str,
        argument("NAME", "What recipes will call the component: lower-case words with dashes."),
    ],
    kind: Annotated[str, option("--kind", "KIND", KINDS, autocompletion=complete_kind)],
    folder: Annotated[
        Path,
        option(
            "--folder",
            "DEST",
            "Where to put the folder gantool-NAME; by default the working folder.",
        ),
    ] = Path(),
) -> None:
    """Write a package with one working component of your own.

    The package gantool-NAME holds the component, its contract test, a README, a license and a CI
    file. The paths of its files are printed.
    """
    from gantool.registry.catalog import installed
    from gantool.scaffold.package import Names, check_names, package_files, write_package

    names = Names(name, kind)
    _refuse_taken(names, installed())
    check_names(names)
    root = folder.expanduser() / names.distribution
    print_lines(write_package(root, package_files(names)))
    _show_next(root, names)


def _refuse_taken(names: Names, catalog: Catalog) -> None:
    """Refuse an unknown kind, and a name that recipes already understand."""
    from gantool.interfaces.component import KINDS

    name, kind = names.plugin, names.kind
    check_kind(kind)
    if name in KINDS:
        raise UsageError(f"a plugin cannot be called '{name}', which is a kind")
    for plugin in catalog.plugins:
        if name == plugin.name:
            raise UsageError(
                f"{plugin.distribution} has a plugin '{name}' already", "choose another name"
            )
    if name in catalog.names(kind):
        offer = next(offer for offer in catalog.of_kind(kind) if offer.name == name)
        owner = f"plugin '{offer.plugin.name}' of {offer.plugin.distribution}"
        raise UsageError(f"there is a {kind} '{name}' already, in {owner}", "choose another name")


def _show_next(root: Path, names: Names) -> None:
    import shlex

    from gantool.reporting.console.messages import open_console, say

    console = open_console()
    say(console, "\n", ("next", "bold"))
    for command, purpose in (
        (f"pip install -e {shlex.quote(str(root))}", "install it; changes count at once"),
        (f"gantool describe {names.kind}/{names.plugin}", "see what recipes can say"),
        (f"cd {shlex.quote(str(root))} && pytest", "check that it keeps gantool's promises"),
    ):
        say(console, (f"  {command}", "cyan"), (f"   {purpose}", "dim"))
