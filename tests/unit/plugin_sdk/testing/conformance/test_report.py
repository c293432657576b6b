from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from plugin_sdk.testing.conformance.report import Fault, Outcome, Report, shown

REPORT = Report(
    "p@1.0.0",
    "in a sandbox of tier A",
    [
        Outcome("start", "It starts.", "passed", 0.1, "30 ms"),
        Outcome("state", "It keeps.", "warned", 0.2, "another", "sent & <x>", "got", "do this"),
        Outcome(
            "memory",
            "It is bounded.",
            "failed",
            0.3,
            'it "leaks"',
            "10,000 calls",
            "1 2 3 \x00\x1b[2J",
            "bound it",
        ),
        Outcome("learn", "It learns.", "skipped", 0.0, "it has no learn"),
    ],
)


def test_text_says_what_failed_what_was_sent_and_what_to_do():
    text = REPORT.text()
    for words in (
        "ok   start",
        "FAIL memory",
        'it "leaks"',
        "sent: 10,000 calls",
        "do:   bound it",
        "1 failed",
    ):
        assert words in text
    assert "learn" not in text
    assert "skip learn" in REPORT.text(verbose=True)


def test_json_has_every_outcome():
    found = json.loads(REPORT.json())
    assert (found["ok"], found["plugin"], len(found["outcomes"])) == (False, "p@1.0.0", 4)
    assert found["outcomes"][2]["remedy"] == "bound it"


def test_junit_is_xml_that_counts_what_failed_whatever_a_plugin_said():
    suite = ElementTree.fromstring(REPORT.junit()).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "1")
    case = suite.find("testcase[@name='memory']/failure")
    assert case is not None and "do: bound it" in (case.text or "")


def test_a_fault_reads_as_what_was_sent_what_came_back_and_what_to_do():
    fault = Fault("it hangs", sent=b'{"id":1}', got="nothing", remedy="answer")
    assert str(fault) == 'it hangs\n  sent: {"id":1}\n  got: nothing\n  do: answer'


@pytest.mark.parametrize("value", [b"\xff" * 9, "a\nb\x1b[0m", "x" * 5000])
def test_what_is_quoted_is_one_short_printable_line(value):
    assert shown(value).isprintable()
    assert len(shown(value)) < 700
