"""`plugin.toml`: read, and refused with file, line, key, value and what would be right."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_sdk.contract.manifest import MANIFEST_LIMIT_BYTES, Limits, ManifestError, parse_manifest
from plugin_sdk.contract.workload import REQUEST_TYPES

HEAD = '[plugin]\nname = "forest"\nversion = "1.2.0"\nhandles = ["scheduling"]\n'
GOOD = HEAD + 'entry = "plugin:Forest"\n'


def parse(text):
    return parse_manifest(text if isinstance(text, bytes) else text.encode(), "forest/plugin.toml")


def test_the_contracts_own_example_is_read_whole():
    manifest = parse(
        HEAD
        + """description = "Predicts run times"
        author = "someone"
        entry = "plugin:RuntimeForest"
        protocol = 1
        priority = 10
        [config]
        trees = 100
        nested = {a = [1, 2.5, "x"]}
        [limits]
        memory = "512MiB"
        cpu = 1.5
        threads = 4
        scratch = "64MiB"
        start_timeout = "10s"
        call_timeout = "300ms"
        train_timeout = "2min"
        [dependencies]
        python = ["lightgbm>=4"]
        """
    )
    assert manifest.by == "forest@1.2.0"
    assert manifest.handles == ("scheduling",)
    assert (manifest.entry, manifest.command, manifest.priority) == ("plugin:RuntimeForest", None, 10)
    assert manifest.config == {"trees": 100, "nested": {"a": [1, 2.5, "x"]}}
    assert manifest.limits == Limits(512 << 20, 1.5, 4, 64 << 20, 10.0, 0.3, 120.0)
    assert manifest.python_dependencies == ("lightgbm>=4",)


def test_what_is_left_out_is_the_default():
    manifest = parse(GOOD)
    assert manifest.limits == Limits()
    assert (manifest.config, manifest.priority, manifest.author) == ({}, 0, None)


@pytest.mark.parametrize(
    ("text", "line", "key", "says"),
    [
        ("", 1, "plugin", "plugin is missing; give a table"),
        ("plugin = 3", 1, "plugin", r"plugin is 3; give a table: \[plugin\]"),
        (GOOD.replace('"forest"', '"Forest"'), 2, "plugin.name", 'plugin.name is "Forest"; give lower-case'),
        (GOOD.replace('"forest"', '"-x"'), 2, "plugin.name", "a letter or digit first"),
        (GOOD.replace('"forest"', f'"{"a" * 64}"'), 2, "plugin.name", "1 to 63"),
        (GOOD.replace('"forest"', '"a\\n"'), 2, "plugin.name", "give lower-case"),
        (GOOD.replace('"forest"', '"../up"'), 2, "plugin.name", "give lower-case"),
        (GOOD.replace('"1.2.0"', '"1.2"'), 3, "plugin.version", "a SemVer version such as 1.0.0"),
        (GOOD.replace('"1.2.0"', "1.2"), 3, "plugin.version", "plugin.version is 1.2; give"),
        (GOOD.replace("handles", "handels"), 4, "plugin.handels", "did you mean 'handles'?"),
        (GOOD.replace('"scheduling"', '"schedulin"'), 4, "plugin.handles", "did you mean 'scheduling'?"),
        (GOOD.replace('["scheduling"]', "[]"), 4, "plugin.handles", "at least one"),
        (GOOD.replace('["scheduling"]', '"scheduling"'), 4, "plugin.handles", "a list of texts"),
        (HEAD, 1, "plugin.entry", 'is missing; give entry = "module:attribute" or a command'),
        (GOOD + 'command = ["x"]\n', 5, "plugin.entry", "either entry or command, not both"),
        (HEAD + 'entry = "plugin"\n', 5, "plugin.entry", '"module:attribute"'),
        (HEAD + 'entry = "../evil:P"\n', 5, "plugin.entry", '"module:attribute"'),
        (HEAD + "command = []\n", 5, "plugin.command", "at least one"),
        (HEAD + 'command = ["a\\u0000b"]\n', 5, "plugin.command", "a list of texts"),
        (GOOD + "protocol = 2\n", 6, "plugin.protocol", "1, the version this host speaks"),
        (GOOD + "priority = 1.5\n", 6, "plugin.priority", "an integer; higher is asked first"),
        (GOOD + "priority = true\n", 6, "plugin.priority", "plugin.priority is true"),
        (GOOD + "priority = 99999999\n", 6, "plugin.priority", "an integer"),
        (GOOD + "[limts]\nmemory = 1\n", 6, "limts", "did you mean 'limits'?"),
        (GOOD + '[limits]\nmemory = "lots"\n', 7, "limits.memory", 'such as "512MiB"'),
        (GOOD + "[limits]\nmemory = 0\n", 7, "limits.memory", "limits.memory is 0"),
        (GOOD + f'[limits]\nmemory = "{"9" * 400}GB"\n', 7, "limits.memory", 'such as "512MiB"'),
        (GOOD + "[limits]\nmemory = 0x" + "f" * 5000 + "\n", 7, "limits.memory", "too large to show"),
        (GOOD + '[limits]\ncall_timeout = "2days"\n', 7, "limits.call_timeout", 'such as "1s"'),
        (GOOD + '[limits]\ncall_timeout = "25h"\n', 7, "limits.call_timeout", "at most a day"),
        (GOOD + "[limits]\ncall_timeout = inf\n", 7, "limits.call_timeout", "at most a day"),
        (GOOD + "[limits]\ncpu = nan\n", 7, "limits.cpu", "a number of cores above 0"),
        (GOOD + "[limits]\nthreads = 0\n", 7, "limits.threads", "an integer of 1 or more"),
        (GOOD + "limits.threads = 0\n", 6, "plugin.limits", "only the keys"),
        (GOOD + "[dependencies]\nnode = []\n", 7, "dependencies.node", "only the keys python"),
        (GOOD + "[config]\nx = 0x" + "f" * 5000 + "\n", 7, "config.x", "a value that JSON can carry"),
        ("[plugin\n", 1, "", "it is not TOML"),
        (b'[plugin]\nname = "\xff"\n', 2, "", "it is not UTF-8"),
        ("x = " + "9" * 5000, 0, "", "it has a value that cannot be read"),
        ("x = " + "[" * 9000, 0, "", "nested too deeply"),
        ("#" * (MANIFEST_LIMIT_BYTES + 1), 0, "", "give at most 65536"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line_its_value_and_the_remedy(text, line, key, says):
    with pytest.raises(ManifestError, match=says) as caught:
        parse(text)
    assert (caught.value.line, caught.value.key) == (line, key)
    assert str(caught.value).startswith(f"forest/plugin.toml:{line}" if line else "forest/plugin.toml: ")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("1 KB", 1000), ("1KiB", 1024), ("1.5MiB", 1536 * 1024), ("2GB", 2 * 10**9)],
)
def test_sizes_are_read_in_the_units_people_write(text, size):
    assert parse(GOOD + f'[limits]\nmemory = "{text}"\n').limits.memory_bytes == size


@given(st.integers(1, 2**40), st.floats(0.001, 86_400), st.integers(-1_000_000, 1_000_000))
def test_what_is_written_is_what_is_read(memory, timeout, priority):
    text = GOOD + f"priority = {priority}\n[limits]\nmemory = {memory}\ncall_timeout = {timeout!r}\n"
    manifest = parse(text)
    assert manifest.priority == priority
    assert (manifest.limits.memory_bytes, manifest.limits.call_timeout_s) == (memory, timeout)


KEYS = ["name", "version", "handles", "entry", "command", "protocol", "priority", "author", "x"]
VALUES = [
    "1",
    "-1",
    "1e400",
    "nan",
    "true",
    '""',
    '"a:b"',
    '"1.0.0"',
    "[]",
    '["resource"]',
    "{}",
    "1979-05-27",
    "[[1]]",
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*KEYS, "limits.memory", "config.k", "dependencies.python"]),
            st.sampled_from(VALUES),
        ),
        max_size=8,
        unique_by=lambda pair: pair[0],
    ),
    st.sampled_from(["[plugin]", "[config]", "[limits]", ""]),
)
def test_no_mix_of_keys_and_values_gives_anything_but_a_manifest_or_its_error(pairs, table):
    text = "\n".join([table, *(f"{key} = {value}" for key, value in pairs)])
    try:
        manifest = parse(text)
    except ManifestError as error:
        assert str(error)
    else:
        assert set(manifest.handles) <= set(REQUEST_TYPES)
        msgspec.json.encode(manifest)


@given(st.binary(max_size=200))
def test_no_bytes_give_anything_but_a_manifest_or_its_error(source):
    with pytest.raises(ManifestError):
        parse(source)
