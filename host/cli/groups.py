"""A group of commands that says which was meant when one is mistyped."""

from __future__ import annotations

import click


class Suggesting(click.Group):
    """Lists its commands in the order they were added: what a newcomer needs first, first."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            ctx.fail(f"there is no command {name!r}; {self._remedy(ctx, name)}")
        return super().resolve_command(ctx, args)

    def _remedy(self, ctx: click.Context, name: str) -> str:
        from difflib import get_close_matches

        names = self.list_commands(ctx)
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        return f"did you mean {near[0]!r}?" if near else f"the commands are {', '.join(names)}"
