"""Documents on the page: sent, watched, fetched, given up, refused."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from serve.page.houses import House
from serve.page.partners import Chat
from serve.page.visiting import Open, Visit

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Locator

pytestmark = pytest.mark.slow

SUBTITLES = (
    "1\n00:00:01,000 --> 00:00:02,000\nGood morning\n\n2\n00:00:03,000 --> 00:00:05,000\nThe house is blue.\n"
)


def payload(name: str, text: str | bytes) -> FilePayload:
    content = text.encode() if isinstance(text, str) else text
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def send(page: Visit, *files: FilePayload) -> Locator:
    """Give files to the page and return the rows of the list."""
    page.page.locator("#file").set_input_files(list(files))
    rows = page.page.locator("#jobs .job")
    rows.nth(len(files) - 1).wait_for()
    return rows


def test_a_document_is_translated_and_fetched(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("arabic")
    page.pick("source", "english")
    page.pick("target", "arabic")
    page.page.locator("#tab-documents").click()
    row = send(page, payload("film.srt", SUBTITLES))
    row.locator(".job-state", has_text="Done, 2 segments").wait_for()
    assert row.locator(".job-pair").inner_text() == "English → Arabic"
    page.picture("documents-light")
    page.require_accessible("documents")
    with page.page.expect_download() as fetched:
        row.get_by_role("button", name="Download the translation of film.srt").click()
    assert fetched.value.suggested_filename == "film.ar.srt"
    text = fetched.value.path().read_text("utf-8")
    assert "صباح الخير" in text
    assert "00:00:03,000 --> 00:00:05,000" in text
    page.page.reload()
    page.loaded()
    page.page.locator("#tab-documents").click()
    row.locator(".job-state", has_text="Done").wait_for()  # the browser knows what it has sent
    row.get_by_role("button", name="Remove film.srt from the server").click()
    row.wait_for(state="detached")


def test_progress_is_shown_and_a_document_can_be_given_up(scripted: Visit, chat: Chat) -> None:
    scripted.pick("target", "portuguese")
    chat.held.clear()
    lines = "\n".join(f"The house number {number} is blue." for number in range(90))
    rows = send(scripted, payload("houses.txt", lines))
    scripted.until("document.querySelector('.job progress')?.max === 90")
    assert rows.locator(".job-state").inner_text() == "0 of 90 segments"
    assert scripted.page.locator("#tab-count").inner_text() == "1"
    scripted.picture("documents-progress")
    chat.passes.release(70)
    scripted.until("document.querySelector('.job progress').value > 0", seconds=60)
    assert scripted.page.locator(".job progress").get_attribute("aria-label") == "Progress of houses.txt"
    rows.get_by_role("button", name="Cancel houses.txt").click()
    chat.held.set()
    rows.wait_for(state="detached")
    assert scripted.page.locator("#tab-count").is_hidden()


def test_documents_are_dropped_anywhere(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("arabic")
    page.pick("target", "arabic")
    page.page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(['Good morning\\n'], 'note.txt', {type: 'text/plain'}));
            window.dropped = dataTransfer;
            document.body.dispatchEvent(new DragEvent('dragenter', {dataTransfer, bubbles: true}));
        }"""
    )
    assert page.page.locator("#veil").is_visible()
    page.picture("drop", full=False)
    page.page.evaluate(
        """() => document.body.dispatchEvent(
            new DragEvent('drop', {dataTransfer: window.dropped, bubbles: true, cancelable: true}))"""
    )
    assert page.page.locator("#veil").is_hidden()
    page.page.locator(".job-state", has_text="Done, 1 segment").wait_for()
    assert page.page.locator("#tab-documents").get_attribute("aria-selected") == "true"


def test_what_cannot_be_read_is_said_and_the_others_go_on(visit: Open, open_house: House) -> None:
    page = visit(open_house.url, refusals=True).choose("arabic")
    page.pick("target", "arabic")
    broken = io.BytesIO()
    with zipfile.ZipFile(broken, "w") as package:
        package.writestr("nothing.txt", "no document")
    rows = send(page, payload("broken.docx", broken.getvalue()), payload("fine.txt", "Good morning\n"))
    rows.filter(has_text="fine.txt").locator(".job-state", has_text="Done").wait_for()
    row = rows.filter(has_text="broken.docx")
    row.locator(".job-state", has_text="Failed: ").wait_for()
    assert row.get_by_role("button", name="Translate broken.docx again").is_visible()
    page.picture("documents-failed")


def test_a_pair_that_was_the_fault_is_mended_and_tried_again(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("arabic")
    page.pick("target", "english")
    row = send(page, payload("morning.txt", "Good morning\n"))
    row.locator(".job-state", has_text="Source and target are both English (en).").wait_for()
    page.pick("target", "arabic")
    row.get_by_role("button", name="Translate morning.txt again").click()
    row.locator(".job-state", has_text="Done, 1 segment").wait_for()
