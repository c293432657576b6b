"""What a manifest may ask to be installed, and what never reaches an installer."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.sandbox.environments.requirements import RequirementError, read_requirements


@pytest.fixture
def plugin(tmp_path):
    folder = tmp_path / "plugin"
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels" / "tool-1.0-py3-none-any.whl").write_bytes(b"")
    (tmp_path / "secret-1.0-py3-none-any.whl").write_bytes(b"")
    return folder


def test_one_spelling_for_what_means_the_same_and_an_order_of_its_own(plugin):
    one = read_requirements(["Light_GBM >= 4 , <5", "numpy", "numpy"], plugin)
    other = read_requirements(["numpy", "light.gbm>=4,<5"], plugin)
    assert one == other
    assert one.named == ("light-gbm>=4,<5", "numpy")


@pytest.mark.parametrize(
    "text",
    ["a", "a[b,c]>=1", "a==1.*", "a~=1.4.2", "a!=1,<2", "a (>=1)", 'a>=1; python_version < "3.13"', "a===1"],
)
def test_packages_are_asked_for_by_name(plugin, text):
    assert len(read_requirements([text], plugin).named) == 1


@pytest.mark.parametrize(
    "text",
    [
        "wheels/tool-1.0-py3-none-any.whl",
        "./wheels/tool-1.0-py3-none-any.whl",
        "file:wheels/tool-1.0-py3-none-any.whl",
        "tool @ file:wheels/tool-1.0-py3-none-any.whl",
        "tool @ file:wheels%2Ftool-1.0-py3-none-any.whl",
    ],
)
def test_a_wheel_in_the_plugins_folder_may_be_asked_for(plugin, text):
    (found,) = read_requirements([text], plugin).vendored
    assert (found.name, found.path) == ("tool", plugin / "wheels" / "tool-1.0-py3-none-any.whl")


def test_a_wheel_by_its_whole_path_may_be_asked_for_if_it_is_in_the_folder(plugin):
    path = plugin / "wheels" / "tool-1.0-py3-none-any.whl"
    for text in (str(path), f"file://{path}", f"tool[x] @ file://localhost{path}"):
        assert read_requirements([text], plugin).vendored[0].path == path


@pytest.mark.parametrize(
    "text",
    [
        "--index-url=https://example.com",
        "-r/etc/passwd",
        "-e .",
        ".",
        "./source",
        "/etc",
        "source.tar.gz",
        "source.zip",
        "tool @ file:source.tar.gz",
        "https://example.com/tool-1.0-py3-none-any.whl",
        "tool @ https://example.com/tool-1.0-py3-none-any.whl",
        "tool @ git+https://example.com/tool",
        "../secret-1.0-py3-none-any.whl",
        "tool @ file:../secret-1.0-py3-none-any.whl",
        "file:///etc/secret-1.0-py3-none-any.whl",
        "wheels/missing-1.0-py3-none-any.whl",
        "a\n--index-url=https://example.com",
        "a; marker\n-e .",
        "a @ b @ c.whl",
        "",
    ],
)
def test_whatever_could_run_code_or_read_elsewhere_is_refused_with_what_would_be_right(plugin, text):
    with pytest.raises(RequirementError) as found:
        read_requirements([text], plugin)
    assert any(word in str(found.value) for word in ("give ", "put the wheel", "no such file"))


def test_a_link_out_of_the_folder_is_followed_and_refused(plugin):
    (plugin / "link-1.0-py3-none-any.whl").symlink_to(plugin.parent / "secret-1.0-py3-none-any.whl")
    with pytest.raises(RequirementError, match="outside of the plugin's folder"):
        read_requirements(["link-1.0-py3-none-any.whl"], plugin)


@given(st.text(string.printable, max_size=40))
def test_nothing_that_is_let_through_by_name_is_an_option_an_address_or_a_path(tmp_path_factory, text):
    folder = tmp_path_factory.getbasetemp()
    try:
        found = read_requirements([text], folder)
    except RequirementError:
        return
    assert found.vendored == ()
    for each in found.named:
        assert not each.startswith("-")
        assert not set(each) & set("/\\@\n\r")
