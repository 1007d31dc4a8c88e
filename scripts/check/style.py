#!/usr/bin/env python3
"""Holds the Rust files of the workspace to the numbers of the house style.

- A file has at most 500 lines before its tests.
- A function has at most 60 lines, and at most 4 of 100 functions have more than 40. Tests are not counted.
- No file or module is named after nothing: manager, helper, utils, common.
- Every file of a crate's `src` begins with a module doc.
- No `todo!`, `unimplemented!` or `dbg!`.
- `unsafe` stands only in files whose module doc says why.
- A line has at most 120 characters; what is inside string literals is not counted, nor a web address in a comment.

    scripts/check/style.py          check this workspace
    scripts/check/style.py FOLDER   check the workspace in FOLDER

Exits with 1 and one line for each fault. The reading of Rust is a scanner, not a parser: it knows comments, strings
and braces, which is all it needs.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_USUAL = 40
UNUSUAL_PERCENT_MAX = 4
LINE_CHARACTERS_MAX = 120
BANNED_WORDS = {"manager", "managers", "helper", "helpers", "util", "utils", "common"}

TOKEN = re.compile(
    r"""
      (?P<line_comment> //[^\n]* )
    | (?P<block_comment> /\* )
    | (?P<string> \b(?:b|c)?r(?P<hashes>\#*)"(?s:.*?)"(?P=hashes) | (?:b|c)?"(?:\\(?s:.)|[^"\\])*" )
    | (?P<char> b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[0-9a-fA-F_]+\}|.)|[^'\\\n])' )
    """,
    re.VERBOSE,
)
FUNCTION = re.compile(r"\bfn\s+(\w+)")
MODULE = re.compile(r"^\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)", re.MULTILINE)
TESTS = re.compile(r"^#\[cfg\(test\)\]\s*\n(?:#\[[^\n]*\]\s*\n)*(?:pub(?:\([^)]*\))?\s+)?mod\s+\w+", re.MULTILINE)
UNFINISHED = re.compile(r"\b(todo|unimplemented|dbg)!")
UNSAFE = re.compile(r"\bunsafe\b")


def blank(text):
    """Spaces of the same shape, line ends kept."""
    return re.sub(r"[^\n]", " ", text)


def scan(source):
    """The source twice, line for line: with nothing inside strings; and with strings and comments blank, every character
    in its place."""
    without_strings, code = [], []
    at = 0
    while token := TOKEN.search(source, at):
        between, text = source[at : token.start()], token.group()
        if token["block_comment"] is not None:
            text = source[token.start() : end_of_block_comment(source, token.start())]
        is_comment = token["line_comment"] is not None or token["block_comment"] is not None
        without_strings += [between, text if is_comment else '"' + "\n" * text.count("\n") + '"']
        code += [between, blank(text)]
        at = token.start() + len(text)
    without_strings.append(source[at:])
    code.append(source[at:])
    return "".join(without_strings), "".join(code)


def end_of_block_comment(source, start):
    """The place after a block comment, which may hold others."""
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(source, start):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(source)


def functions(code):
    """Name, place and number of lines of each function with a body."""
    for match in FUNCTION.finditer(code):
        start = match.start()
        opening = body_of(code, match.end())
        if opening is None:
            continue
        depth = 0
        for mark in re.compile(r"[{}]").finditer(code, opening):
            depth += 1 if mark.group() == "{" else -1
            if depth == 0:
                yield match.group(1), start, code.count("\n", start, mark.end()) + 1
                break


def body_of(code, at):
    """Where the body of a function opens whose signature goes on at `at`; None for a declaration."""
    depth = 0
    for mark in re.compile(r"[()\[\]{};]").finditer(code, at):
        if mark.group() in "([":
            depth += 1
        elif mark.group() in ")]":
            depth -= 1
        elif depth == 0:
            return mark.start() if mark.group() == "{" else None
    return None


def module_doc(source):
    """The doc that a file begins with, or an empty text."""
    lines = []
    for line in source.splitlines():
        if not line.startswith("//!"):
            break
        lines.append(line[3:])
    return "\n".join(lines)


def is_test_file(path):
    """Whether all of a file is test code; `path` is relative to the workspace."""
    return "tests" in path.parts or "benches" in path.parts or path.stem == "tests"


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def name_faults(path, code):
    for part in [*path.parts[1:-1], path.stem]:
        if BANNED_WORDS & set(re.split(r"[_-]", part)):
            yield f"{path}: named after nothing: {part}"
    for match in MODULE.finditer(code):
        if BANNED_WORDS & set(match.group(1).split("_")):
            yield f"{path}:{line_of(code, match.start(1))}: named after nothing: mod {match.group(1)}"


def text_faults(path, source, without_strings, code):
    doc = module_doc(source)
    if "src" in path.parts and not doc.strip():
        yield f"{path}: begins without a module doc"
    for match in UNFINISHED.finditer(code):
        yield f"{path}:{line_of(code, match.start())}: {match.group()} is left over"
    if UNSAFE.search(code) and "unsafe" not in doc:
        yield f"{path}: has unsafe code, and its module doc does not say why"
    for number, line in enumerate(without_strings.split("\n"), 1):
        if len(line) > LINE_CHARACTERS_MAX and "://" not in line:
            yield f"{path}:{number}: {len(line)} characters in a line"


def size_faults(path, source, code):
    """Faults of size, then the lengths of the functions that count."""
    tests = TESTS.search(code)
    tests_at = 0 if is_test_file(path) else tests.start() if tests else len(source)
    found, lengths = [], []
    lines = source.count("\n", 0, tests_at)
    if lines > FILE_LINES_MAX:
        found.append(f"{path}: {lines} lines before its tests")
    for name, start, length in functions(code):
        if start >= tests_at:
            continue
        lengths.append((length, f"{path}:{line_of(code, start)}: fn {name} has {length} lines"))
        if length > FUNCTION_LINES_MAX:
            found.append(lengths[-1][1])
    return found, lengths


def check(root):
    """All faults of the workspace in `root`, and how many files and functions were looked at."""
    found, lengths, files = [], [], rust_files(root)
    for path in files:
        source = (root / path).read_text(encoding="utf-8")
        without_strings, code = scan(source)
        found += name_faults(path, code)
        found += text_faults(path, source, without_strings, code)
        too_large, of_file = size_faults(path, source, code)
        found += too_large
        lengths += of_file
    unusual = [text for length, text in lengths if length > FUNCTION_LINES_USUAL]
    if len(unusual) * 100 > len(lengths) * UNUSUAL_PERCENT_MAX:
        found.append(f"{len(unusual)} of {len(lengths)} functions have more than {FUNCTION_LINES_USUAL} lines:")
        found += [f"    {text}" for text in unusual]
    return found, len(files), len(lengths)


def rust_files(root):
    """Rust files of the crates, relative to `root`, without those that git ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "crates/*.rs"]
    asked = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False) if shutil.which("git") else None
    if asked and asked.returncode == 0 and asked.stdout:
        listed = (Path(line) for line in asked.stdout.splitlines())
    else:
        listed = (path.relative_to(root) for path in root.glob("crates/**/*.rs") if "target" not in path.parts)
    return sorted(path for path in set(listed) if (root / path).is_file())


def main(arguments):
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2]
    found, files, counted = check(root)
    for fault in found:
        print(fault)
    print(f"style: {files} files, {counted} functions, {len(found)} faults")
    return 1 if found or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
