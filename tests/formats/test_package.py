"""Zip packages: what is copied is byte-equal, and what is made to do harm is refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages import packed
from scalemt.errors import InputError
from scalemt.formats import package
from scalemt.formats.package import open_package


def rewritten(path: Path, changed: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with open_package(path) as held:
        held.write(out, changed)
    return out.getvalue()


@settings(deadline=None, max_examples=40)
@given(
    members=st.dictionaries(st.text("abc/é", min_size=1, max_size=6), st.binary(max_size=300), min_size=1),
    comment=st.binary(max_size=20).filter(lambda held: b"PK" not in held),
    changed=st.binary(max_size=400),
)
def test_only_what_changed_is_other(
    tmp_path_factory: pytest.TempPathFactory, members: dict[str, bytes], comment: bytes, changed: bytes
) -> None:
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, held in members.items():
            file.writestr(name, held)
        file.comment = comment
    assert rewritten(path, {}) == path.read_bytes()
    name = sorted(members)[0]
    with zipfile.ZipFile(io.BytesIO(rewritten(path, {name: changed}))) as made, zipfile.ZipFile(path) as before:
        assert made.testzip() is None
        assert made.comment == comment
        assert [item.filename for item in made.infolist()] == [item.filename for item in before.infolist()]
        assert [item.date_time for item in made.infolist()] == [item.date_time for item in before.infolist()]
        assert {item: made.read(item) for item in made.namelist()} == members | {name: changed}


def test_a_streamed_archive_loses_its_descriptors_only_where_it_changed(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            held = bytes(data)  # type: ignore[call-overload]
            self.data += held
            return len(held)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", "first " * 50)
        file.writestr("b", "second " * 50)
    path = tmp_path / "a.zip"
    path.write_bytes(pipe.data)
    made = rewritten(path, {"b": b"other"})
    with zipfile.ZipFile(io.BytesIO(made)) as file:
        assert (file.read("a"), file.read("b")) == (b"first " * 50, b"other")
        assert [item.flag_bits & 8 for item in file.infolist()] == [8, 0]


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"big": bytes(40 << 20)})
    with open_package(path) as held, pytest.raises(InputError, match="as a zip bomb does"):
        held.read("big")


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a": b"x" * 50, "b": b"y" * 50})
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 20 : directory + 24] = (4000).to_bytes(4, "little")  # compressed size of the first
    path.write_bytes(data)
    with pytest.raises(InputError, match="runs into the next one"), open_package(path):
        pass


def test_doubled_damaged_and_encrypted_members(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", "one")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("a", "two")
    with open_package(path) as held, pytest.raises(InputError, match="holds a twice"):
        held.read("a")
    packed(path, {"mimetype": "stored text"})
    path.write_bytes(path.read_bytes().replace(b"stored text", b"storex text"))
    with open_package(path) as held, pytest.raises(InputError, match=r"\(mimetype\) is damaged"):
        held.read("mimetype")
    data = bytearray(packed(path, {"a": "text"}).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with open_package(path) as held, pytest.raises(InputError, match="is encrypted"):
        held.read("a")
    with open_package(path) as held, pytest.raises(InputError, match=r"lacks nothing\.xml"):
        held.read("nothing.xml")


def test_a_lie_about_the_size_is_found(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a": b"x" * 5000})
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    with open_package(path) as held, pytest.raises(InputError, match="is damaged"):
        held.read("a")


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MOST_MEMBERS", 3)
    path = packed(tmp_path / "a.zip", {str(n): "x" for n in range(4)})
    with pytest.raises(InputError, match="holds 4 members"), open_package(path):
        pass
