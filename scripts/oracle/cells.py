"""The cells of the cross-check: picked by hand, and generated from a seed.

A cell is a field descriptor of Table Schema, a text, and the reason for which bordereau and frictionless differ on
purpose, or None when they must agree. Reasons are those of REASONS; each is explained in docs/table-schema.md under
its own name.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Iterator

REASONS = {
    "blanks": "blanks of ASCII, and no others, do not count around a cell, whatever its type",
    "any-is-a-list": "format any is a closed list of spellings, nothing is guessed or filled in from today's date",
    "any-two-digit-years": "two-digit years are cut at 69 for ever, not 50 years from today",
    "several-patterns": "bordereau:formats lists the accepted patterns; other tools see format any",
    "ascii-numbers": "digits are 0 to 9 without underscores or signs where none belong",
    "integer-range": "whole numbers are 64-bit",
    "number-range": "numbers are 64-bit floats: what is too large for one is no number, what is nearly equal is equal",
    "number-names": "of names of numbers only NaN and infinity are read, no signalling or numbered NaN",
    "integer-groups": "groupChar holds for integers too (version 2 of the standard)",
    "bare-decimal": "bareNumber false does not strip the decimal character before the first digit",
    "any-literals": "members of an enumeration of any fields are compared as the text that a cell is",
    "uuid-form": "a UUID has its hyphens and nothing around it",
    "strict-base64": "base64 text has nothing else in it",
    "strict-uri": "a URI has only the characters of RFC 3986",
    "whole-pattern": "a pattern matches the whole text, also one with alternatives",
    "year-form": "a year is four digits",
    "yearmonth-form": "a month has a year of four digits, a hyphen and one or two digits",
    "day-of-year": "day 366 is a day of leap years only",
    "c-directives": "directives of C's strptime that Python's lacks are read too",
    "zoned-bounds": "times with and without a zone are compared, the latter taken as UTC",
    "datetime-mark": "date and time are parted by T or one blank",
}


@dataclass(frozen=True)
class Cell:
    field: dict[str, Any]
    text: str
    reason: str | None = None


def field(kind: str, **properties: Any) -> dict[str, Any]:
    """A descriptor; underscores in names of properties stand for the colon of an extension key."""
    named = {name.replace("__", ":"): value for name, value in properties.items()}
    return {"name": "x", "type": kind, **named}


def same(descriptor: dict[str, Any], *texts: str) -> list[Cell]:
    return [Cell(descriptor, text) for text in texts]


def differ(reason: str, descriptor: dict[str, Any], *texts: str) -> list[Cell]:
    assert reason in REASONS, reason
    return [Cell(descriptor, text, reason) for text in texts]


def hand_picked() -> list[Cell]:
    parts = [strings(), numbers(), integers(), booleans(), dates(), datetimes(), times(), years(), missing()]
    return [cell for part in parts for cell in part]


def strings() -> Iterator[Cell]:
    plain = field("string")
    yield from same(plain, "a", "Ω", "a b", "", "0", "null", "NaN", "x" * 300)
    yield from differ("blanks", plain, " a", "a ", "\ta", "  ")
    length = field("string", constraints={"minLength": 2, "maxLength": 4})
    yield from same(length, "", "a", "ab", "abcd", "abcde", "éé", "日本語文", "日本語文字", "a b", "🎉", "🎉🎉")
    yield from differ("blanks", length, "a ", "abcd ", " ab ", "abcd\n")
    members = field("string", constraints={"enum": ["N", "R", "a b"]})
    yield from same(members, "N", "R", "n", "", "NR", "a b", "a  b")
    yield from differ("blanks", members, "N ", " R")
    many = field("string", constraints={"enum": [f"v{n}" for n in range(20)]})
    yield from same(many, "v0", "v19", "v20", "v", "V1")
    code = field("string", constraints={"pattern": "[0-9]{4}"})
    yield from same(code, "4771", "0042", "477", "47711", "47a1", "4771x", "x4771", "")
    yield from differ("blanks", code, " 4771", "4771\n")
    yield from same(field("string", constraints={"pattern": "^a.*$"}), "apple", "orange", "a", "ba")
    yield from same(field("string", constraints={"pattern": "(ab|cd)+"}), "ab", "abcd", "abc", "cd")
    yield from same(field("string", constraints={"pattern": r"\d{2}-[A-Z]"}), "12-A", "12-a", "1-A", "12-AB")
    yield from differ("whole-pattern", field("string", constraints={"pattern": "ab|cd"}), "abx", "abcd")
    yield from same(field("string", constraints={"pattern": "ab|cd"}), "ab", "cd", "x", "xcd")
    yield from same(field("string", constraints={"required": True}), "", "a")
    yield from same(field("string", constraints={"required": False}), "")
    email = field("string", format="email")
    yield from same(email, "a@example.com", "a.b+c@sub.example.co", "a@b", "@example.com", "a@", "a", "a@@b.co")
    yield from same(email, "a b@example.com", "a@example.com.", "a@-example.com", "a@example-.com", "a@example.c")
    yield from same(email, '"a.b"@example.com', '"a b"@example.com', "a@127.0.0.1", "a@[127.0.0.1]", "a@exa_mple.com")
    yield from same(email, "é@example.com", "a..b@example.com", ".a@example.com", "a.@example.com", "a@example.c1")
    yield from same(email, "x" * 64 + "@example.com", "x" * 65 + "@example.com", "a@" + "x" * 63 + ".com")
    yield from same(email, "a@" + "x" * 64 + ".com", "", "a@münchen.de", "a@example.co\u00a0m")
    yield from same(email, "é @example.com", "éa..b@example.com")
    uri = field("string", format="uri")
    yield from same(uri, "https://example.com/a", "mailto:a@b.co", "urn:isbn:1", "example.com", "/a/b", "", "a:b")
    yield from same(uri, "http://example.com/%20", "ftp://u@h:21/p?q#f", "1http://a", "://a", "x+y-z.1://a", "//a/b")
    yield from differ("strict-uri", uri, "http://a b", "http://a/<b>", "http://a/%zz", 'http://a/"')
    binary = field("string", format="binary")
    yield from same(binary, "aGVsbG8=", "YQ==", "YWI=", "YWJj", "YQ", "YQ=", "a", "", "AAAA", "+/+/")
    yield from differ("strict-base64", binary, "YW Jj", "YW*Jj", "-_-_YWJj", "YWJj\nYWJj")
    uuid = field("string", format="uuid")
    whole = "95ecc380-afe9-11e4-9b6c-751b66dd541e"
    yield from same(uuid, whole, whole.upper(), whole[:-1], whole + "0", whole.replace("9", "g"), "", "0" * 31)
    yield from differ("uuid-form", uuid, whole.replace("-", ""), "{" + whole + "}", "urn:uuid:" + whole)
    yield from differ("uuid-form", uuid, whole.replace("-", "", 1) + "-")
    any_type = field("any", constraints={"required": True, "enum": ["a", "1"]})
    yield from same(any_type, "a", "1", "b", "", "01")
    yield from same(field("any"), "a", "1", "", "true")
    yield from differ("any-literals", field("any", constraints={"enum": [1, True]}), "1")


def numbers() -> Iterator[Cell]:
    plain = field("number")
    yield from same(plain, "0", "-0", "1", "+1", "-1.23", "12678967.543233", "+100000.00", "210", "1.", ".5", "-.5")
    yield from same(plain, "1e5", "1E5", "1e+5", "1e-5", "1e", "e5", "1.5e3", "", "-", "+", ".", "--1", "1-", "1 2")
    yield from same(plain, "1,000", "1,5", "$5", "5%", "0x10", "1/2", "abc", "NaN", "nan", "INF", "-INF", "inf")
    yield from same(plain, "+inf", "Infinity", "-infinity", "infinit", "1.2.3", "00012", "1e308", "1e-320", "1e-400")
    yield from same(plain, "0.1", "0.30000000000000004", "123456789012345678901234567890", "9007199254740993", "1d5")
    yield from same(plain, "  1  ", "\t1", "1\n")
    yield from differ("ascii-numbers", plain, "1_000", "1_0.5", "١")
    yield from differ("blanks", plain, "\u00a01")
    yield from differ("number-range", plain, "1e309", "-1e400")
    yield from differ("number-names", plain, "sNaN", "nan12")
    comma = field("number", decimalChar=",")
    yield from same(comma, "1,5", "1.5", "1", ",5", "1,", "1,5,5", "-1,5", "1,5e3", "NaN")
    group = field("number", groupChar=",")
    yield from same(group, "1,000", "1,000.5", "10,00", ",1", "1,", "1000", "-1,000", ",", "1.5", "1,,0", "1 000", "")
    both = field("number", decimalChar=",", groupChar=".")
    yield from same(both, "1.000,5", "1.000", "1,5", "1.5", "1,000.5", "1.000.000,25", "-1.000,5")
    blank = field("number", groupChar=" ", decimalChar=",")
    yield from same(blank, "1 000,5", "1 000 000", "1\u00a0000")
    wide = field("number", groupChar="\u00a0")
    yield from same(wide, "1\u00a0000", "1 000", "1\u00a0000.5")
    words = field("number", decimalChar="::")
    yield from same(words, "1::5", "1:5", "::5", "1.5")
    loose = field("number", bareNumber=False)
    yield from same(loose, "95%", "€95", "EUR 95", "$1.5 USD", "95", "-95%", "$-95", "% 95 %", "abc", "9 5", "1.5.", "")
    yield from same(loose, "(95)", "95e2x", "NaN", "USD", "1,000")
    yield from differ("bare-decimal", loose, "$.5", ".5")
    yield from same(loose, "-$.5")
    money = field("number", bareNumber=False, groupChar=",")
    yield from same(money, "$1,000.50", "1,000 USD", "$-1,000", "US$ 12,345,678.90", "$", "-5%")
    euro = field("number", bareNumber=False, groupChar=".", decimalChar=",")
    yield from same(euro, "€1.000,50", "1.000,50 €", "€ -5", "1.5", "12,5%")
    bounded = field("number", constraints={"minimum": 0, "maximum": 1.5})
    yield from same(bounded, "0", "-0", "1.5", "1.51", "-0.0001", "1.4999999", "NaN", "INF", "-INF", "x", "")
    open_ends = field("number", constraints={"exclusiveMinimum": 0, "exclusiveMaximum": "1.5"})
    yield from same(open_ends, "0", "1.5", "0.0001", "1.4999", "NaN", "-1", "2")
    members = field("number", constraints={"enum": [0.1, 2, "3.50"]})
    yield from same(members, "0.1", "0.10", "2.0", "2", "3.5", "3.51", "1e-1", "NaN", "")
    yield from differ("number-range", members, "0.1000000000000000000001")
    yield from same(field("number", decimalChar=",", constraints={"minimum": "0,5"}), "0,5", "0,4", "0.6", "1")
    yield from same(field("number", constraints={"required": True}), "", "1", "-")


def integers() -> Iterator[Cell]:
    plain = field("integer")
    yield from same(plain, "0", "-0", "+5", "-5", "007", "", "1.0", "1e3", "1.5", "a", "-", "+", "--5", "1 2", "0x1F")
    yield from same(plain, "9223372036854775807", "-9223372036854775808", " 5 ", "1,000", "NaN", "INF", "5%", "５x")
    yield from differ("integer-range", plain, "9223372036854775808", "123456789012345678901234567890")
    yield from differ("ascii-numbers", plain, "1_000", "٣", "５")
    loose = field("integer", bareNumber=False)
    yield from same(
        loose, "95%", "€95", "EUR 95", "-95%", "$-95", "95.5%", "abc", "", "1 2", "no 5", "12 months", "4-5"
    )
    yield from differ("bare-decimal", loose, ".7 kg")
    group = field("integer", groupChar=",")
    yield from differ("integer-groups", group, "1,000", "1,000,000", "-1,000", "10,00")
    yield from same(group, "1000", "1.000", "", "x")
    bounded = field("integer", constraints={"minimum": 0, "maximum": 100000})
    yield from same(bounded, "0", "-1", "100000", "100001", "3", "", "x", "1.0")
    open_ends = field("integer", constraints={"exclusiveMinimum": 0, "exclusiveMaximum": "10"})
    yield from same(open_ends, "0", "1", "9", "10", "-3")
    members = field("integer", constraints={"enum": [1, "2", 3]})
    yield from same(members, "1", "2", "3", "4", "01", "+1", "", "-1")


def booleans() -> Iterator[Cell]:
    plain = field("boolean")
    yield from same(
        plain, "true", "True", "TRUE", "1", "false", "False", "FALSE", "0", "tRUE", "yes", "Y", "", "2", "01"
    )
    yield from differ("blanks", plain, " true", "0 ")
    letters = field("boolean", trueValues=["Y", "y"], falseValues=["N", "n"])
    yield from same(letters, "Y", "y", "N", "n", "true", "1", "0", "YES", "", "NO")
    yield from same(field("boolean", trueValues=["yes"]), "yes", "false", "0", "true", "no")
    yield from same(field("boolean", trueValues=["oui", "o"], falseValues=["non"]), "oui", "o", "non", "n")
    only = field("boolean", trueValues=["Y"], falseValues=["N"], constraints={"enum": [True], "required": True})
    yield from same(only, "Y", "N", "", "x")
    yield from same(field("boolean", constraints={"enum": ["false"]}), "0", "false", "1")


def dates() -> Iterator[Cell]:
    plain = field("date")
    yield from same(
        plain, "2019-02-01", "2019-2-1", "2019-02-29", "2020-02-29", "1900-02-29", "2000-02-29", "0000-01-01"
    )
    yield from same(
        plain, "0001-01-01", "9999-12-31", "10000-01-01", "19-02-01", "2019-13-01", "2019-00-10", "2019-04-31"
    )
    yield from same(
        plain, "2019-02-00", "2019/02/01", "20190201", "2/1/2019", "2019-02-01T00:00:00", "", "x", "2019-02"
    )
    yield from same(plain, "-2019-02-01", "+2019-02-01", "2019-02-01Z", "2019- 2-01", "2019-02- 1", "2019-W05-5")
    yield from differ("blanks", plain, " 2019-02-01", "2019-02-01 ")
    american = field("date", format="%m/%d/%Y")
    yield from same(
        american, "7/7/2017", "07/31/2017", "13/1/2017", "2/29/2017", "7/ 7/2017", "7/7/17", "2017-07-07", ""
    )
    yield from same(american, "7/07/2017", "07/7/2017", "007/07/2017", "7//2017", "7/7/2017x", "12/31/9999", "0/1/2017")
    short = field("date", format="%m/%d/%y")
    yield from same(short, "6/6/14", "6/6/68", "6/6/69", "6/6/00", "6/6/99", "6/6/2014", "6/6/4", "06/06/14")
    yield from same(field("date", format="%d.%m.%Y"), "31.12.2017", "1.1.2017", "12.31.2017", "31-12-2017")
    yield from same(field("date", format="fmt:%d/%m/%Y"), "31/12/2017", "12/31/2017")
    named = field("date", format="%d %b %Y")
    yield from same(
        named, "3 Mar 2020", "03 mar 2020", "3  MAR  2020", "3 March 2020", "3Mar 2020", "3 Foo 2020", "31 Jun 2020"
    )
    yield from same(
        field("date", format="%B %d, %Y"),
        "March 3, 2020",
        "march 03, 2020",
        "Mar 3, 2020",
        "May 3, 2020",
        "March 3 2020",
    )
    yield from same(
        field("date", format="%A %d %B %Y"), "Monday 3 March 2020", "Noday 3 March 2020", "Sun 3 March 2020"
    )
    yield from same(field("date", format="%a, %d-%b-%y"), "Mon, 3-Mar-20", "Mon 3-Mar-20")
    yield from same(
        field("date", format="%Y%m%d"), "20190201", "201921", "2019111", "20191301", "2019-02-01", "2019020"
    )
    yield from same(field("date", format="%Y-%j"), "2020-366", "2019-365", "2020-1", "2020-001", "2020-000", "2020-367")
    yield from differ("day-of-year", field("date", format="%Y-%j"), "2019-366")
    yield from same(field("date", format="%Y"), "2019", "19", "20190")
    yield from same(field("date", format="100%% %Y"), "100% 2019", "100 2019")
    yield from same(field("date", format="%Y-%m-%d %H:%M"), "2019-02-01 23:59", "2019-02-01", "2019-02-01 24:00")
    for format, text in [
        ("%F", "2019-02-01"),
        ("%D", "02/01/19"),
        ("%e.%m.%Y", "1.2.2019"),
        ("%d-%h-%Y", "1-Feb-2019"),
    ]:
        yield from differ("c-directives", field("date", format=format), text)
    free = field("date", format="any")
    yield from same(
        free, "2019-02-01", "2/1/2019", "02/01/2019", "2019/02/01", "20190201", "1 Feb 2019", "1 February 2019"
    )
    yield from same(
        free, "Feb 1, 2019", "February 1, 2019", "Feb 1 2019", "February 1 2019", "1-Feb-2019", "02-01-2019"
    )
    yield from same(
        free, "6/6/14", "2/29/2019", "13/32/2019", "2019-02-30", "", "x", "not a date", "2019-02-01T15:30:00"
    )
    yield from same(free, "2019-02-01 15:30:00", "2019-02-01T23:30:00-05:00")
    yield from differ("any-is-a-list", free, "31/12/2017", "10", "Thursday", "Feb 2019", "2019", "1st of Feb 2019")
    yield from differ(
        "any-is-a-list", free, "2019.02.01", "1.2.2019", "Fri, 1 Feb 2019", "190201", "10pm", "2019-02-01 3pm"
    )
    yield from differ("any-two-digit-years", free, "6/6/69", "6/6/70")
    listed = field("date", format="any", bordereau__formats=["%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d"])
    yield from same(listed, "7/7/2017", "6/6/14", "2019-02-01", "x", "", "2/29/2019")
    yield from differ("several-patterns", listed, "2019/02/01", "1 Feb 2019", "20190201", "31/12/2017")
    bounded = field("date", constraints={"minimum": "2000-01-01", "maximum": "2009-12-31"})
    yield from same(bounded, "2000-01-01", "1999-12-31", "2009-12-31", "2010-01-01", "2005-06-07", "", "x")
    open_ends = field(
        "date", format="%m/%d/%Y", constraints={"exclusiveMinimum": "1/1/2000", "exclusiveMaximum": "12/31/2009"}
    )
    yield from same(open_ends, "1/1/2000", "1/2/2000", "12/30/2009", "12/31/2009")
    yield from same(
        field("date", constraints={"enum": ["2019-02-01", "2019-03-01"]}), "2019-02-01", "2019-2-1", "2019-02-02"
    )


def datetimes() -> Iterator[Cell]:
    plain = field("datetime")
    yield from same(
        plain, "2017-07-31T15:30:00", "2017-07-31T15:30:00Z", "2017-07-31T15:30:00+02:00", "2017-07-31 15:30:00"
    )
    yield from same(
        plain, "2017-07-31T15:30:00.5", "2017-07-31T15:30:00.123456", "2017-07-31T15:30:00.123456Z", "2017-07-31"
    )
    yield from same(
        plain, "2017-07-31T15:30", "2017-07-31T25:00:00", "2017-07-31T15:60:00", "2017-07-31T15:30:60", "", "x"
    )
    yield from same(plain, "2017-02-29T00:00:00", "2016-02-29T00:00:00", "2017-07-31T24:00:00", "2017-07-31T24:00:01")
    yield from same(
        plain, "2017-07-31T15:30:00-0500", "2017-07-31T15:30:00-05", "2017-07-31T15:30:00+25:00", "20170731T153000"
    )
    yield from same(plain, "2017-07-31T15:30:00.", "2017-07-31T15:30:00,25", "2017-7-31T15:30:00", "2017-07-31T1:30:00")
    yield from same(
        plain, "2017-07-31T15:30:00 Z", "2017-07-31T15:30:00.1234567", "7/31/2017 15:30", "2017-07-31T15:30:00+05:3"
    )
    yield from differ("datetime-mark", plain, "2017-07-31_15:30:00", "2017-07-31x15:30:00")
    pattern = field("datetime", format="%d/%m/%Y %H:%M:%S")
    yield from same(
        pattern,
        "12/11/2018 09:15:32",
        "12/11/2018 9:15:32",
        "12/13/2018 09:15:32",
        "12/11/2018",
        "12/11/2018  09:15:32",
    )
    yield from same(pattern, "12/11/2018 09:15:60", "12/11/2018 24:15:32", "2018-11-12T09:15:32", "")
    half = field("datetime", format="%m/%d/%Y %I:%M %p")
    yield from same(
        half, "7/31/2017 3:30 PM", "7/31/2017 12:30 am", "7/31/2017 12:30 PM", "7/31/2017 13:30 PM", "7/31/2017 0:30 AM"
    )
    zoned = field("datetime", format="%Y-%m-%dT%H:%M:%S%z")
    yield from same(
        zoned, "2017-07-31T15:30:00+0200", "2017-07-31T15:30:00-05:00", "2017-07-31T15:30:00Z", "2017-07-31T15:30:00"
    )
    fraction = field("datetime", format="%Y-%m-%d %H:%M:%S.%f")
    yield from same(
        fraction,
        "2017-07-31 15:30:00.5",
        "2017-07-31 15:30:00.123456",
        "2017-07-31 15:30:00.1234567",
        "2017-07-31 15:30:00",
    )
    free = field("datetime", format="any")
    yield from same(
        free, "2017-07-31T15:30:00", "2017-07-31 15:30", "7/31/2017 15:30", "7/31/2017 3:30 PM", "7/31/2017", "x", ""
    )
    yield from same(
        free, "31 Jul 2017 15:30:01", "July 31, 2017 3:30 pm", "2017-07-31T15:30:00+02:00", "2017-07-31T15:30"
    )
    yield from differ("any-is-a-list", free, "15:30", "31/7/2017 15:30", "Mon Jul 31 15:30:00 2017", "20170731T1530")
    bounded = field("datetime", constraints={"minimum": "2017-01-01T00:00:00", "maximum": "2017-12-31T23:59:59"})
    yield from same(
        bounded, "2017-01-01T00:00:00", "2016-12-31T23:59:59", "2017-12-31T23:59:59", "2018-01-01T00:00:00", ""
    )
    yield from differ("zoned-bounds", bounded, "2017-01-01T00:00:00Z", "2017-06-01T00:00:00+02:00")
    utc = field("datetime", constraints={"minimum": "2017-01-01T00:00:00Z"})
    yield from same(utc, "2017-01-01T00:00:00Z", "2017-01-01T00:00:00+01:00", "2016-12-31T23:30:00-01:00")
    yield from same(
        field("datetime", constraints={"enum": ["2017-01-01T00:00:00"]}),
        "2017-01-01T00:00:00",
        "2017-01-01 00:00:00",
        "2017-01-02T00:00:00",
    )


def times() -> Iterator[Cell]:
    plain = field("time")
    yield from same(
        plain, "15:30:00", "00:00:00", "23:59:59", "24:00:00", "25:00:00", "15:60:00", "15:30:60", "15:30", "3:30:00"
    )
    yield from same(
        plain,
        "15:30:00Z",
        "15:30:00+02:00",
        "15:30:00.25",
        "153000",
        "",
        "x",
        "15:30:00 PM",
        "15-30-00",
        "15:30:00.1234567",
    )
    yield from differ("blanks", plain, " 15:30:00")
    yield from same(field("time", format="%H:%M"), "9:05", "09:05", "24:00", "9:5", "09:05:00", "9.05")
    half = field("time", format="%I:%M %p")
    yield from same(half, "12:30 am", "12:30 PM", "1:30 pm", "13:30 PM", "0:30 AM", "1:30", "1:30PM", "1:30 xm")
    yield from same(field("time", format="%I:%M"), "1:30", "12:30", "13:30")
    yield from same(field("time", format="%H:%M:%S.%f"), "09:05:01.5", "09:05:01.000001", "09:05:01")
    yield from same(field("time", format="%H:%M%z"), "01:00+02:30", "01:00Z", "01:00-0100", "01:00")
    yield from differ("c-directives", field("time", format="%T"), "15:30:00")
    yield from differ("c-directives", field("time", format="%R"), "15:30")
    free = field("time", format="any")
    yield from same(
        free, "15:30:00", "15:30", "3:30 PM", "3:30:15 pm", "3:30pm", "3 PM", "x", "", "25:00", "15:30:00.5"
    )
    yield from differ("any-is-a-list", free, "15", "2017-07-31T15:30:00", "3:30:15.5 pm", "Thursday", "15h30")
    bounded = field("time", constraints={"minimum": "08:00:00", "exclusiveMaximum": "17:00:00"})
    yield from same(bounded, "08:00:00", "07:59:59", "16:59:59", "17:00:00", "")
    yield from differ("zoned-bounds", bounded, "09:00:00Z")


def years() -> Iterator[Cell]:
    plain = field("year")
    yield from same(
        plain, "2017", "0000", "0001", "9999", "10000", "17", "", "abcd", "-201", "20.7", "2017Z", "-2017", "1e10"
    )
    yield from differ("year-form", plain, "+123", "1_23", "٢٠١٧")
    yield from differ("blanks", plain, " 2017", "2017 ")
    bounded = field("year", constraints={"minimum": "1900", "maximum": 2100})
    yield from same(bounded, "1899", "1900", "2100", "2101", "", "x")
    open_ends = field("year", constraints={"exclusiveMinimum": 1900, "exclusiveMaximum": "2100"})
    yield from same(open_ends, "1900", "1901", "2099", "2100")
    yield from same(field("year", constraints={"enum": ["2017", 2018]}), "2017", "2018", "2019")
    month = field("yearmonth")
    yield from same(
        month, "2017-07", "2017-7", "2017-12", "2017-13", "2017-00", "2017-0", "2017", "2017/07", "2017-07-01", "", "x"
    )
    yield from same(month, "9999-12", "0001-01", "201707", "2017-", "-07", "2017-1x", "July 2017", "-2017-07")
    yield from differ("yearmonth-form", month, "17-07", "2017-007", "2017 - 07", "20177-07", "+201-07", "0000-01")
    bounded = field("yearmonth", constraints={"minimum": "2017-02", "maximum": "2017-11"})
    yield from same(bounded, "2017-01", "2017-02", "2017-11", "2017-12", "2016-12", "2018-01", "2017-6")
    open_ends = field("yearmonth", constraints={"exclusiveMinimum": "2017-02", "exclusiveMaximum": "2017-11"})
    yield from same(open_ends, "2017-02", "2017-03", "2017-10", "2017-11")
    yield from same(field("yearmonth", constraints={"enum": ["2017-07"]}), "2017-07", "2017-7", "2017-08")


def missing() -> Iterator[Cell]:
    listed = field("number", missingValues=["", "NA", "-99"])
    yield from same(listed, "", "NA", "-99", "-99.0", "na", "N/A", "5")
    labelled = field("integer", missingValues=[{"value": "-1", "label": "refused"}, {"value": "."}])
    yield from same(labelled, "-1", ".", "", "-2", "1")
    none = field("integer", missingValues=[])
    yield from same(none, "", "1")
    yield from same(field("string", missingValues=[]), "", "a")
    yield from same(field("boolean", missingValues=["1"]), "1", "0", "true")
    needed = field("date", missingValues=["", "n/a"], constraints={"required": True})
    yield from same(needed, "", "n/a", "2019-02-01", "N/A")
    yield from differ("blanks", field("string", missingValues=["NA"]), " NA ", "NA ")


def generated(seed: int, count: int) -> list[Cell]:
    """Cells of all types that must agree: whole values in many spellings, and the same with one character changed."""
    dice = random.Random(seed)
    makers = [
        number_cell,
        integer_cell,
        date_cell,
        any_date_cell,
        datetime_cell,
        time_cell,
        boolean_cell,
        text_cell,
        year_cell,
        month_cell,
    ]
    return [makers[at % len(makers)](dice) for at in range(count)]


def changed(dice: random.Random, text: str, alphabet: str) -> str:
    """The text, or in one of three cases with one character put in, left out or replaced."""
    kind = dice.randrange(9)
    if kind > 2 or not text:
        return text
    at = dice.randrange(len(text))
    before, after = text[:at], text[at:]
    return [before + dice.choice(alphabet) + after, before + after[1:], before + dice.choice(alphabet) + after[1:]][
        kind
    ]


def bounds(dice: random.Random, low: Any, high: Any) -> dict[str, Any]:
    names = [("minimum", "maximum"), ("exclusiveMinimum", "exclusiveMaximum"), ("minimum",), ("exclusiveMaximum",), ()]
    return {name: low if "inimum" in name else high for name in dice.choice(names)}


def number_cell(dice: random.Random) -> Cell:
    decimal, group = dice.choice([(".", None), (".", ","), (",", "."), (",", " "), (".", "'")])
    value = round(dice.uniform(-2_000_000, 2_000_000), dice.randrange(5))
    text = f"{value:,}" if group else str(value)
    text = text.replace(",", "g").replace(".", decimal).replace("g", group or "")
    text = dice.choice([text, text, text + "e3", text + "E-2", text.replace("-", "+")])
    properties: dict[str, Any] = {}
    if decimal != ".":
        properties["decimalChar"] = decimal
    if group:
        properties["groupChar"] = group
    descriptor = field("number", constraints=bounds(dice, -1_000_000, "1000000"), **properties)
    return Cell(descriptor, changed(dice, text, "0123456789.,-+e ' x%").strip())


def integer_cell(dice: random.Random) -> Cell:
    value = dice.choice([dice.randrange(-100, 100), dice.randrange(-(10**16), 10**16)])
    descriptor = field("integer", bareNumber=dice.random() < 0.7, constraints=bounds(dice, -50, "50"))
    prefix, suffix = dice.choice([("", ""), ("", "%"), ("$", ""), ("EUR ", ""), ("", " kg")])
    return Cell(descriptor, changed(dice, f"{prefix}{value}{suffix}", "0123456789-+x ").strip())


def some_day(dice: random.Random) -> date:
    return date(1, 1, 1) + timedelta(days=dice.randrange(3_650_000))


PATTERNS = [
    "%Y-%m-%d",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%Y%m%d",
    "%Y-%j",
    "%m/%d/%y",
    "%d-%b-%y",
    "%a %d %B %Y",
]


def spelled(day: date, pattern: str) -> str:
    """strftime with years of four digits, which C leaves to the platform."""
    return day.strftime(pattern.replace("%Y", f"{day.year:04}"))


def date_cell(dice: random.Random) -> Cell:
    pattern = dice.choice(PATTERNS)
    format = dice.choice([pattern, pattern, dice.choice(PATTERNS)])
    low, high = sorted([date(1990, 1, 1), some_day(dice)])
    constraints = {}
    if format in ("%Y-%m-%d", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d") and low < high:
        constraints = bounds(dice, spelled(low, format), spelled(high, format))
    text = spelled(some_day(dice), pattern)
    text = dice.choice([text, text.replace("/0", "/").lstrip("0"), text.lower(), text.upper()])
    return Cell(field("date", format=format, constraints=constraints), changed(dice, text, "0123456789/-. ,a").strip())


def any_date_cell(dice: random.Random) -> Cell:
    """Spellings of any, whole: half a spelling is a guess to frictionless and a fault to us."""
    day = date(1950, 1, 1) + timedelta(days=dice.randrange(40_000))
    spelling = dice.choice(
        [
            "%Y-%m-%d",
            "%m/%d/%Y",
            "%Y/%m/%d",
            "%Y%m%d",
            "%d %b %Y",
            "%d %B %Y",
            "%b %d, %Y",
            "%B %d, %Y",
            "%d-%b-%Y",
            "%m-%d-%Y",
        ]
    )
    return Cell(field("date", format="any"), day.strftime(spelling))


def some_moment(dice: random.Random) -> datetime:
    micros = dice.choice([0, dice.randrange(1_000_000)])
    day = some_day(dice)
    return datetime(
        max(day.year, 2),
        day.month,
        min(day.day, 28),
        dice.randrange(24),
        dice.randrange(60),
        dice.randrange(60),
        micros,
    )


def datetime_cell(dice: random.Random) -> Cell:
    text = some_moment(dice).isoformat(sep=dice.choice(["T", "T", " "]))
    text += dice.choice(["", "", "Z", "+02:00", "-0530", "+01"])
    other = changed(dice, text, "0123456789:.-Zx").strip()
    # Another mark between date and time is a difference on purpose.
    return Cell(field("datetime"), other if other[10:11] in ("T", " ", "") else text)


def time_cell(dice: random.Random) -> Cell:
    moment = some_moment(dice)
    if dice.random() < 0.5:
        return Cell(
            field("time"),
            changed(dice, moment.time().isoformat() + dice.choice(["", "Z", "-03:00"]), "0123456789:.x").strip(),
        )
    pattern = dice.choice(["%H:%M", "%I:%M %p", "%H:%M:%S", "%I %p", "%H%M"])
    return Cell(field("time", format=pattern), changed(dice, moment.strftime(pattern), "0123456789: apm").strip())


def boolean_cell(dice: random.Random) -> Cell:
    words = ["true", "false", "Y", "N", "1", "0", "yes", "no", "T", "F"]
    dice.shuffle(words)
    descriptor = field(
        "boolean",
        trueValues=words[:2],
        falseValues=words[2:4],
        constraints=dice.choice([{}, {"enum": [True]}, {"required": True}]),
    )
    return Cell(descriptor, dice.choice(words[:6] + [""]))


def text_cell(dice: random.Random) -> Cell:
    constraints: dict[str, Any] = {}
    if dice.random() < 0.5:
        constraints["minLength"] = dice.randrange(4)
    if dice.random() < 0.5:
        constraints["maxLength"] = 4 + dice.randrange(4)
    if dice.random() < 0.3:
        constraints["pattern"] = dice.choice(["[a-d]*", "[^é]+", ".*[0-9]", "(ab?)+", r"\w+"])
    if dice.random() < 0.2:
        constraints["enum"] = ["a", "ab", "é", "b0"]
    text = "".join(dice.choice("abcdé0語") for _ in range(dice.randrange(9)))
    return Cell(field("string", constraints=constraints), text)


def year_cell(dice: random.Random) -> Cell:
    text = f"{dice.randrange(10_000):04}"
    return Cell(field("year", constraints=bounds(dice, 1500, "2500")), changed(dice, text, "0123456789x.").strip())


def month_cell(dice: random.Random) -> Cell:
    text = f"{dice.randrange(1000, 10_000):04}-{dice.randrange(14):02}"
    return Cell(
        field("yearmonth", constraints=bounds(dice, "1500-03", "2500-10")),
        text if dice.random() < 0.8 else text.replace("-0", "-"),
    )
