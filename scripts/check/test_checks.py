#!/usr/bin/env python3
"""Tests of the checks themselves, on small trees made for them."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import crate_graph  # noqa: E402
import promises  # noqa: E402
import style  # noqa: E402

DOC = "//! Owns nothing.\n"


def check(files):
    """Faults of a workspace of `files`, a dict from path to text."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return style.check(Path(folder))[0]


def function(name, lines):
    """A function of that many lines."""
    return f"fn {name}() {{\n" + "    step();\n" * (lines - 2) + "}\n"


class Promises(unittest.TestCase):
    PAGE = "".join(f"## {number}. Something\n\n`promise_{number}_a`\n\n" for number in range(1, 9))
    TESTS = {f"promise_{number}_a" for number in range(1, 9)}

    def test_a_page_with_every_test_has_no_faults(self):
        self.assertEqual(list(promises.faults(self.PAGE, self.TESTS)), [])

    def test_a_test_of_two_promises_stands_in_both_sections(self):
        found = list(promises.faults(self.PAGE, self.TESTS | {"promise_2_3_b"}))
        self.assertEqual(found, [f"promise_2_3_b is not in the section of promise {number}" for number in (2, 3)])

    def test_tests_are_found_in_sources(self):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "crates" / "a" / "tests" / "it" / "b.rs"
            source.parent.mkdir(parents=True)
            source.write_text("#[test]\nfn promise_1_2_c() {}\n// promise_3_d\nfn promised() {}\n", encoding="utf-8")
            self.assertEqual(promises.named(Path(folder)), {"promise_1_2_c"})

    def test_a_name_without_a_test_and_a_promise_without_one_are_told(self):
        found = list(promises.faults(self.PAGE, self.TESTS - {"promise_8_a"}))
        self.assertEqual(found, ["promise 8 has no test", "promise_8_a is in the section of promise 8 and no test"])


class Style(unittest.TestCase):
    def one(self, text, path="crates/a/src/lib.rs"):
        return check({path: text})

    def assert_one(self, found, part):
        self.assertEqual(len(found), 1, found)
        self.assertIn(part, found[0])

    def test_a_good_file_has_no_faults(self):
        text = DOC + function("short", 40) + "#[cfg(test)]\nmod tests {\n" + function("long", 90) + "}\n"
        self.assertEqual(self.one(text), [])

    def test_a_long_file_is_a_fault_and_its_tests_do_not_count(self):
        self.assertEqual(self.one(DOC + "//\n" * 499), [])
        self.assert_one(self.one(DOC + "//\n" * 500), "501 lines before its tests")
        self.assertEqual(self.one(DOC + "//\n" * 400 + "#[cfg(test)]\nmod tests {\n" + "//\n" * 400 + "}\n"), [])
        self.assertEqual(self.one("//\n" * 900, "crates/a/tests/it/big.rs"), [])

    def test_a_long_function_is_a_fault_wherever_its_braces_are(self):
        many = "".join(function(f"f{number}", 3) for number in range(100))
        self.assertEqual(self.one(DOC + many + function("just", 60)), [])
        self.assert_one(self.one(DOC + many + function("long", 61)), "fn long has 61 lines")
        braces = "fn long(a: [u8; 4]) where A: B {\n" + 'let s = "}"; // }\n' * 59 + "}\n"
        self.assert_one(self.one(DOC + many + braces), "fn long has 61 lines")
        self.assertEqual(self.one(DOC + "trait T { fn declared(a: [u8; 4]); }\n" + "//\n" * 80), [])

    def test_more_than_four_in_a_hundred_of_forty_lines_are_a_fault(self):
        few = "".join(function(f"f{number}", 3) for number in range(24))
        self.assertEqual(self.one(DOC + few + function("one", 41)), [])
        found = self.one(DOC + few + function("one", 41) + function("two", 41))
        self.assertEqual(len(found), 3)
        self.assertIn("2 of 26 functions", found[0])

    def test_names_that_say_nothing_are_faults(self):
        for path in ["crates/a/src/utils.rs", "crates/a/src/batch_manager.rs", "crates/a/src/common/b.rs"]:
            self.assert_one(self.one(DOC, path), "named after nothing")
        self.assert_one(self.one(DOC + "pub(crate) mod helper {}\n"), "named after nothing: mod helper")
        self.assertEqual(self.one(DOC + "mod commonwealth;\n", "crates/a/src/utility_bill.rs"), [])

    def test_a_file_without_a_module_doc_is_a_fault(self):
        for text in ["", "// A comment.\n", "use std::fmt;\n//! Late.\n", "//!\n"]:
            self.assert_one(self.one(text), "module doc")
        self.assertEqual(self.one("use std::fmt;\n", "crates/a/tests/it/main.rs"), [])

    def test_what_is_unfinished_is_a_fault_outside_comments_and_strings(self):
        for text in ["fn f() { todo!() }", "fn f() { dbg!(1); }", "fn f() { unimplemented!() }"]:
            self.assert_one(self.one(DOC + text), "left over")
        for text in ["// todo!()", "/* a /* todo!() */ dbg!(1) */", 'const A: &str = "todo!()";', 'r#"dbg!("a")"#;']:
            self.assertEqual(self.one(DOC + text), [], text)

    def test_unsafe_code_needs_its_reason_in_the_module_doc(self):
        text = "fn f() { unsafe { g() } }\n"
        self.assert_one(self.one(DOC + text), "unsafe")
        self.assertEqual(self.one("//! Uses unsafe loads since bounds are checked once.\n" + text), [])
        self.assertEqual(self.one(DOC + '// unsafe\nconst A: &str = "unsafe";\n#![deny(unsafe_code)]\n'), [])

    def test_long_lines_are_faults_but_for_strings_and_addresses(self):
        self.assertEqual(self.one(DOC + "//" + "x" * 118 + "\n"), [])
        self.assert_one(self.one(DOC + "//" + "x" * 119 + "\n"), "121 characters")
        self.assert_one(self.one(DOC + "    " + "x" * 117 + "\n"), "121 characters")
        self.assertEqual(self.one(DOC + 'const A: &str = "' + "x" * 200 + '";\n'), [])
        self.assertEqual(self.one(DOC + 'const A: &str = r##"\n"#' + "x" * 200 + '\n"##;\n'), [])
        self.assertEqual(self.one(DOC + "// https://example.org/" + "x" * 120 + "\n"), [])

    def test_quotes_in_characters_and_lifetimes_do_not_open_strings(self):
        text = "fn f<'a>(x: &'a str) -> char { if x == \"\\\"\" { '\"' } else { '\\'' } }\nfn g() { todo!() }\n"
        self.assert_one(self.one(DOC + text), "lib.rs:3: todo!")


def package(name, *uses):
    return {"name": name, "dependencies": [{"name": used} for used in uses]}


class CrateGraph(unittest.TestCase):
    def faults(self, *packages):
        return crate_graph.faults({"packages": list(packages)})

    def test_the_edges_of_the_table_are_allowed(self):
        self.assertEqual(
            self.faults(
                package("bordereau-base", "serde"),
                package("bordereau-files", "bordereau-base", "arrow", "rawzip"),
                package("bordereau-engine", "bordereau-base", "bordereau-files", "bordereau-model", "datafusion"),
                package("bordereau-jobs", "bordereau-engine", "sqlx", "object_store"),
                package("bordereau-server", "bordereau-jobs", "axum", "utoipa"),
                package("bordereau", "bordereau-engine", "bordereau-server", "clap", "clap_complete"),
            ),
            [],
        )

    def test_any_other_edge_is_a_fault(self):
        for name, used in [
            ("bordereau-base", "bordereau-files"),
            ("bordereau-files", "bordereau-model"),
            ("bordereau-model", "bordereau-engine"),
            ("bordereau-engine", "bordereau-jobs"),
            ("bordereau-jobs", "bordereau-model"),
            ("bordereau-server", "bordereau-engine"),
        ]:
            self.assertEqual(self.faults(package(name, used)), [f"{name}: must not use {used}"])

    def test_external_crates_stay_at_home(self):
        for name, used, home in [
            ("bordereau-jobs", "axum", "bordereau-server"),
            ("bordereau", "axum-extra", "bordereau-server"),
            ("bordereau-engine", "object_store", "bordereau-jobs"),
            ("bordereau-server", "sqlx", "bordereau-jobs"),
            ("bordereau-files", "datafusion-common", "bordereau-engine"),
            ("bordereau-server", "clap", "bordereau"),
        ]:
            self.assertEqual(self.faults(package(name, used)), [f"{name}: must not use {used}, whose home is {home}"])

    def test_an_unknown_crate_is_a_fault(self):
        self.assertIn("not a crate of the architecture", self.faults(package("bordereau-utils"))[0])


if __name__ == "__main__":
    unittest.main()
