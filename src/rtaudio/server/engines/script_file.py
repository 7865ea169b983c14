"""A script's file, YAML or JSON, and the lines of what stands in it."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from rtaudio.server.engines.script_rules import Place

__all__ = ["ScriptFile"]

_BOOL = "tag:yaml.org,2002:bool"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class ScriptFile:
    """A file of a mapping.

    Args:
        path: ends in `.yaml`, `.yml` or `.json`.

    Attributes:
        content: what it holds.

    Raises:
        ConfigError: it can't be read, is neither YAML nor JSON, or holds no mapping. The message
            says where.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        if self._path.suffix.lower() not in (".yaml", ".yml", ".json"):
            raise ConfigError(f"the script {self._name!r} must end in .yaml, .yml or .json")
        try:
            self._text = self._path.read_text("utf-8")
        except OSError as error:
            raise ConfigError(
                f"the script {self._name!r} can't be read: {error.strerror}"
            ) from None
        except UnicodeDecodeError as error:
            raise ConfigError(f"the script {self._name!r} is not UTF-8: {error.reason}") from None
        is_json = self._path.suffix.lower() == ".json"
        content = self._read_json() if is_json else self._read_yaml()
        if not isinstance(content, dict):
            raise self.wrong((), "expected a mapping with 'rules'")
        self.content: dict[str, Any] = content

    @property
    def _name(self) -> str:
        return str(self._path)

    def wrong(self, place: Place, message: str) -> ConfigError:
        """Word what is wrong at a place in it."""
        keys = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)
        return self._wrong(self._line(place), f"{keys[1:]}: {message}" if keys else message)

    def _wrong(self, line: int | None, message: str) -> ConfigError:
        where = "" if line is None else f", line {line}"
        return ConfigError(f"the script {self._name!r}{where}: {message}")

    def _read_json(self) -> Any:
        try:
            return json.loads(self._text)
        except json.JSONDecodeError as error:
            raise self._wrong(error.lineno, f"not JSON: {error.msg}") from None
        except RecursionError:
            raise self._wrong(None, "it is nested too deeply") from None

    def _read_yaml(self) -> Any:
        yaml = _yaml()
        if yaml is None:
            raise ConfigError("scripts in YAML need PyYAML: pip install 'rtaudio[local]', or JSON")
        try:
            self._check_keys(yaml.compose(self._text, Loader=_loader(yaml)))
            return yaml.load(self._text, Loader=_loader(yaml))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or "it has characters that YAML does not know"
            raise self._wrong(mark and mark.line + 1, f"not YAML: {problem}") from None
        except RecursionError:
            raise self._wrong(None, "it is nested too deeply") from None

    def _check_keys(self, node: Any) -> None:
        """Refuse a key that stands twice: the second would win without a word."""
        if node is None or node.id == "scalar":
            return
        if node.id == "sequence":
            for value in node.value:
                self._check_keys(value)
            return
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                line = key.start_mark.line + 1
                raise self._wrong(line, f"the key {key.value!r} stands here a second time")
            seen.add(str(key.value))
            self._check_keys(value)

    def _line(self, place: Place) -> int | None:
        """Find the line of a place, or of what is nearest around it."""
        yaml = _yaml()  # reads JSON too
        if yaml is None:
            return None
        try:
            node = yaml.compose(self._text, Loader=_loader(yaml))
        except yaml.YAMLError:
            return None  # JSON with tabs, for one
        line = 1
        for key in place:
            if isinstance(key, int) and node.id == "sequence":
                node = node.value[key]
                line = node.start_mark.line + 1
            elif node.id == "mapping":
                found = [(k, v) for k, v in node.value if k.value == key]
                if not found:
                    break
                line = found[-1][0].start_mark.line + 1
                node = found[-1][1]
            else:
                break
        return int(line)


def _yaml() -> Any:
    try:
        return importlib.import_module("yaml")
    except ImportError:
        return None


def _loader(yaml: Any) -> Any:
    """A safe loader for which `yes`, `no`, `on` and `off` are words, and dates too."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag not in (_BOOL, _TIMESTAMP)]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(_BOOL, re.compile("true|false"), ["t", "f"])
    return Loader
