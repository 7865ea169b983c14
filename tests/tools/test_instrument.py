"""The copy of the tree that instrumented kernels are built in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instrument import checks_on, copy_tree

if TYPE_CHECKING:
    from pathlib import Path


def test_checks_that_a_function_switches_off_are_on_in_the_copy() -> None:
    source = "@cython.boundscheck(False)  # i < n\n@cython.cdivision(True)  # n > 0\n"
    assert (
        checks_on(source)
        == "@cython.boundscheck(True)  # i < n\n@cython.cdivision(False)  # n > 0\n"
    )
    assert checks_on("@cython.final\n@cython.wraparound(False)\n").count("False") == 1


def test_a_copy_follows_its_source_and_leaves_what_is_the_same(tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    (source / "inner").mkdir(parents=True)
    (source / "inner" / "kernel.pyx").write_text("@cython.cdivision(True)\n")
    (source / "old.py").write_text("old\n")
    (source / "kernel.so").write_text("built in the source\n")
    (source / "inner" / "kernel.c").write_text("generated\n")
    (source / "inner" / "program.c").write_text("written by hand\n")
    copy_tree(source, copy)
    assert (copy / "inner" / "kernel.pyx").read_text() == "@cython.cdivision(False)\n"
    assert not (copy / "kernel.so").exists()
    assert not (copy / "inner" / "kernel.c").exists()
    assert (copy / "inner" / "program.c").exists()

    (copy / "inner" / "kernel.so").write_text("built in the copy\n")
    (copy / "gone.so").write_text("built from a kernel that is gone\n")
    before = (copy / "inner" / "kernel.pyx").stat().st_mtime_ns
    (source / "old.py").unlink()
    (source / "new.py").write_text("new\n")
    copy_tree(source, copy)
    assert sorted(path.name for path in copy.iterdir()) == ["inner", "new.py"]
    assert (copy / "inner" / "kernel.pyx").stat().st_mtime_ns == before
    assert (copy / "inner" / "kernel.so").read_text() == "built in the copy\n"


def test_a_single_file_is_copied_to_where_it_belongs(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("first\n")
    copy_tree(tmp_path / "setup.py", tmp_path / "copy" / "setup.py")
    (tmp_path / "setup.py").write_text("second\n")
    copy_tree(tmp_path / "setup.py", tmp_path / "copy" / "setup.py")
    assert (tmp_path / "copy" / "setup.py").read_text() == "second\n"
