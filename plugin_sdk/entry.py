"""A plugin's entry, a class, a factory or an instance, and how an object is made of it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from plugin_sdk.failures import EntryError
from plugin_sdk.roles import ROLE_METHODS


class Entry:
    """What `module:attribute` named.

    Attributes:
        makes_anew: Whether `make` gives a new object each time; an instance can only give itself.
    """

    def __init__(self, attribute: Any, label: str) -> None:
        self._attribute = attribute
        self._label = label
        is_object = not inspect.isclass(attribute) and any(
            callable(getattr(attribute, name, None)) for name in ROLE_METHODS
        )
        self.makes_anew = callable(attribute) and not is_object
        if not self.makes_anew and not is_object:
            raise EntryError(
                f"entry {label} is a {type(attribute).__qualname__} without any of {', '.join(ROLE_METHODS)}; "
                "name a class, a function that makes the plugin, or the plugin itself"
            )

    def make(self, name: str, config: Mapping[str, Any]) -> Any:
        """The plugin's object.

        A parameter called `config` is given the configuration; one other parameter without a default is given
        the plugin's name, as `BaseMLModel(model_id)` needs it.

        Raises:
            EntryError: It needs more than that, or is an abstract class.
        """
        if not self.makes_anew:
            return self._attribute
        abstract = sorted(getattr(self._attribute, "__abstractmethods__", ()))
        if abstract:
            raise EntryError(
                f"entry {self._label} does not define {', '.join(abstract)}; write it in the class"
            )
        args, kwargs = self._arguments(name, dict(config))
        return self._attribute(*args, **kwargs)

    def _arguments(self, name: str, config: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        parameters = _parameters(self._attribute)
        required = [
            parameter.name
            for parameter in parameters
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            and parameter.name != "config"
        ]
        if len(required) > 1:
            raise EntryError(
                f"entry {self._label} needs {', '.join(required)} to be made; give defaults to all but one, "
                "which is given the plugin's name, or name a function that makes the plugin"
            )
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for parameter in parameters:
            value = config if parameter.name == "config" else name
            if parameter.name != "config" and parameter.name not in required:
                continue
            if parameter.kind is parameter.POSITIONAL_ONLY:
                args.append(value)
            else:
                kwargs[parameter.name] = value
        return args, kwargs


def _parameters(attribute: Any) -> list[inspect.Parameter]:
    # Of a class with both, `inspect.signature` shows __new__, which takes anything for BaseMLModel.
    own_init = inspect.isclass(attribute) and attribute.__init__ is not object.__init__
    try:
        signature = inspect.signature(attribute.__init__ if own_init else attribute)
    except (TypeError, ValueError):  # a callable that does not say what it takes is given nothing
        return []
    return list(signature.parameters.values())[1 if own_init else 0 :]
