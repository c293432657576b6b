"""Job logs for the tasks that replay them: one file, or every log in a folder."""

from __future__ import annotations

from pathlib import Path

from host.errors import ConfigError
from host.simulator.play import Options, chosen
from host.traces.job import Trace
from host.traces.load import load_trace, trace_name

_ENDINGS = (".csv", ".csv.xz", ".csv.gz", ".swf", ".swf.gz", ".swf.xz")


def _is_log(path: Path) -> bool:
    # Of the published logs some are packed without an ending of their own: lublin_256_new2.gz.
    return path.name.endswith(_ENDINGS) or (path.suffix in (".gz", ".xz") and "." not in path.stem)


def load_logs(data: Path, options: Options) -> list[Trace]:
    """The logs in a file or folder, those that are wanted.

    Raises:
        ConfigError: A file is no job log, or there is none.
    """
    if not data.is_dir():
        return [load_trace(data, options.limit)]
    files = {trace_name(each): each for each in sorted(data.iterdir()) if _is_log(each)}
    if not files:
        raise ConfigError(f"{data}: there is no job log in it; give SWF or CSV files, plain, .gz or .xz")
    return [load_trace(files[name], options.limit) for name in chosen(list(files), options.lists, "log")]
