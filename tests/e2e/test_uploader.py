"""The uploader in a real browser: many files, two users, lost connections, reloads, second thoughts, hostile names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Opened
from tests.e2e.screen import cells, grid, main_text, plain, settled, turn_to, url
from tests.e2e.served import served
from tests.e2e.uploading import SLICE, as_file, choose, first_of, large_log, on_slices, press, row, send
from tests.factories import usage_record

pytestmark = pytest.mark.browser

HOSTILE = '"><img src=x onerror=alert(1)> [x](javascript:alert(1)) :red[y] \u202egnp.jsonl'


@pytest.fixture
def db(tmp_path: Path) -> Path:
    db = tmp_path / "store" / "usage.duckdb"
    db.parent.mkdir()
    return db


@pytest.fixture
def address(db: Path) -> Iterator[str]:
    with served(db) as found:
        yield found


def test_several_files_are_loaded_as_one(db: Path, address: str, opened: Opened) -> None:
    page = opened(url(address, "data"))

    send(page, as_file("a.jsonl", _log(2)), as_file("b.jsonl", _log(3)), as_file("empty.jsonl", b""))
    expect(page.locator(".st-key-load-uploads")).to_have_text("Load 3 files")
    press(page, "empty.jsonl", "Remove")
    expect(page.locator(".st-key-load-uploads")).to_have_text("Load 2 files")
    settled(page)
    _load(page)

    assert [row[0] for row in cells(grid(page, "Files of this load"))] == ["a.jsonl", "b.jsonl"]
    expect(page.locator(".file")).to_have_count(0)
    assert _spool(db) == []


def test_two_users_upload_at_once_and_each_has_their_own(
    db: Path, address: str, opened: Opened, tmp_path: Path
) -> None:
    ann, bob = opened(url(address, "data")), opened(url(address, "data"), locale="en-GB")

    choose(ann, large_log(tmp_path / "ann.jsonl", 3, "of ann"))
    choose(bob, large_log(tmp_path / "bob.jsonl", 3, "of bob"))
    for page, name in ((ann, "ann.jsonl"), (bob, "bob.jsonl")):
        expect(page.locator(".file")).to_have_count(1)
        expect(row(page, name)).to_contain_text("Uploaded", timeout=60_000)
        settled(page)
        _load(page)

    turn_to(ann, "Features")
    assert sorted(row[0] for row in cells(grid(ann, "Features"))) == ["of ann", "of bob"]
    assert _spool(db) == []


def test_a_connection_that_drops_is_taken_up_where_it_broke(
    db: Path, address: str, opened: Opened, tmp_path: Path
) -> None:
    page = opened(url(address, "data"))
    offsets: list[int] = []

    def drop_the_second(route: Route, offset: int) -> None:
        offsets.append(offset)
        if offsets == [0, SLICE]:
            route.abort("connectionreset")
        else:
            route.continue_()

    on_slices(page, drop_the_second)
    send(page, large_log(tmp_path / "app.jsonl", 3, "dropped"))
    _load(page)

    assert offsets == [0, SLICE, SLICE, 2 * SLICE]
    assert "24 lines = 24 requests" in main_text(page)


def test_without_a_network_it_waits_and_says_so(address: str, opened: Opened, tmp_path: Path) -> None:
    page = opened(url(address, "data"), timezone_id="Europe/Oslo")
    held: list[Route] = []
    on_slices(page, lambda route, offset: held.append(route) if offset == SLICE and not held else route.continue_())

    choose(page, large_log(tmp_path / "app.jsonl", 3, "offline"))
    expect(row(page, "app.jsonl")).to_contain_text("33 %")
    waiting = first_of(page, held)
    page.context.set_offline(True)
    waiting.abort("internetdisconnected")
    expect(row(page, "app.jsonl")).to_contain_text("The connection is lost. Trying again in")
    expect(page.locator(".st-key-load-uploads")).to_have_count(0)
    page.context.set_offline(False)

    expect(page.locator(".file[data-state=done]")).to_have_count(1, timeout=60_000)
    settled(page)
    _load(page)


def test_after_a_reload_the_same_file_goes_on_where_it_was(
    db: Path, address: str, opened: Opened, tmp_path: Path
) -> None:
    page = opened(url(address, "data"))
    log = large_log(tmp_path / "app.jsonl", 3, "reloaded")
    held: list[Route] = []
    on_slices(page, lambda route, offset: held.append(route) if offset else route.continue_())
    choose(page, log)
    expect(row(page, "app.jsonl")).to_contain_text("33 %")

    first_of(page, held)
    page.on("dialog", lambda dialog: dialog.accept())  # the browser asks whether to leave
    page.reload()
    settled(page)
    page.unroute_all(behavior="ignoreErrors")
    expect(row(page, "app.jsonl")).to_contain_text("33 % is here. Choose the same file again to go on from there.")
    offsets: list[int] = []
    page.on("filechooser", lambda _: None)  # from now on none is shown
    page.on("request", lambda asked: offsets.append(int(asked.headers.get("upload-offset", -1))))
    with page.expect_file_chooser() as chooser:
        press(page, "app.jsonl", "Choose file")
    chooser.value.set_files(log)
    expect(page.locator(".file[data-state=done]")).to_have_count(1)
    settled(page)

    assert [offset for offset in offsets if offset >= 0] == [SLICE, 2 * SLICE]
    _load(page)
    assert "24 lines = 24 requests" in main_text(page)
    assert _spool(db) == []


def test_files_can_be_dropped(address: str, opened: Opened) -> None:
    page = opened(url(address, "data"))
    expect(page.get_by_role("button", name="Choose files")).to_be_enabled()
    dropped = page.evaluate_handle(_DROPPED, [["a.jsonl", _log(1).decode()], ["b.jsonl", _log(2).decode()]])

    page.locator(".zone").dispatch_event("drop", {"dataTransfer": dropped})

    expect(row(page, "a.jsonl")).to_contain_text("Uploaded")
    expect(row(page, "b.jsonl")).to_contain_text("Uploaded")
    expect(page.locator(".st-key-load-uploads")).to_have_text("Load 2 files")
    settled(page)


def test_what_was_uploaded_before_a_reload_is_still_there(db: Path, address: str, opened: Opened) -> None:
    page = opened(url(address, "data"))
    send(page, as_file("app.jsonl", _log(2)))

    page.reload()
    settled(page)

    expect(page.locator(".st-key-load-uploads")).to_be_visible()
    _load(page)
    assert _spool(db) == []
    page.reload()
    settled(page)
    expect(page.locator(".file")).to_have_count(0)


def test_an_upload_goes_on_while_another_page_is_looked_at(
    db: Path, address: str, opened: Opened, tmp_path: Path
) -> None:
    page = opened(url(address, "data"))
    held: list[Route] = []
    on_slices(page, lambda route, offset: held.append(route) if offset and not held else route.continue_())
    choose(page, large_log(tmp_path / "app.jsonl", 3, "away"))
    expect(row(page, "app.jsonl")).to_contain_text("33 %")

    turn_to(page, "Overview")
    first_of(page, held).continue_()
    while not any(path.stat().st_size > 2 * SLICE for path in _spool(db)):
        page.wait_for_timeout(50)
    turn_to(page, "Data")

    expect(row(page, "app.jsonl")).to_contain_text("Uploaded")
    expect(page.locator(".st-key-load-uploads")).to_be_visible()
    settled(page)
    _load(page)


def test_a_cancelled_upload_leaves_nothing(db: Path, address: str, opened: Opened, tmp_path: Path) -> None:
    page = opened(url(address, "data"))
    on_slices(page, lambda route, offset: None if offset else route.continue_())
    choose(page, large_log(tmp_path / "app.jsonl", 3, "cancelled"))
    choose(page, as_file("small.jsonl", _log(1)))
    expect(row(page, "app.jsonl")).to_contain_text("33 %")
    expect(row(page, "small.jsonl")).to_contain_text("Uploaded")
    assert sorted(path.stat().st_size > SLICE - 1 for path in _spool(db)) == [False, True]

    with page.expect_response(lambda answer: answer.request.method == "DELETE" and answer.status == 204):
        press(page, "app.jsonl", "Cancel")

    expect(page.locator(".file")).to_have_count(1)
    assert [path.stat().st_size < SLICE for path in _spool(db)] == [True]
    expect(page.locator(".st-key-load-uploads")).to_have_text("Load this file")


def test_what_the_dashboard_refuses_is_said_and_can_be_retried(address: str, opened: Opened) -> None:
    page = opened(url(address, "data"))
    full = {"code": "disk_full", "message": "The dashboard's disk has no room for this file.", "advice": "Free some."}
    answers = [full]

    def refuse_once(route: Route, _: int) -> None:
        if answers:
            route.fulfill(status=507, json={"error": answers.pop()})
        else:
            route.continue_()

    on_slices(page, refuse_once)
    choose(page, as_file("app.jsonl", _log(2)))
    expect(row(page, "app.jsonl")).to_contain_text("The dashboard's disk has no room for this file. Free some.")
    press(page, "app.jsonl", "Retry")
    expect(row(page, "app.jsonl")).to_contain_text("Uploaded")


def test_a_file_that_changed_meanwhile_is_not_sent_for_another(address: str, opened: Opened, tmp_path: Path) -> None:
    page = opened(url(address, "data"))
    log = large_log(tmp_path / "app.jsonl", 3, "changing")
    held: list[Route] = []
    on_slices(page, lambda route, offset: held.append(route) if offset and not held else route.continue_())
    choose(page, log)
    expect(row(page, "app.jsonl")).to_contain_text("33 %")

    with log.open("a") as more:
        more.write(json.dumps(usage_record()) + "\n")
    first_of(page, held).continue_()

    expect(row(page, "app.jsonl")).to_contain_text("can no longer be read: it was changed, moved or deleted")


def test_a_hostile_name_is_text_everywhere(db: Path, address: str, opened: Opened) -> None:
    page = opened(url(address, "data"))
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))

    send(page, as_file(HOSTILE, _log(1)), as_file("b.jsonl", _log(1)))
    shown = page.locator(".file .name").first.inner_text()
    assert plain(shown) == plain(HOSTILE.replace("\u202e", " "))
    assert page.locator("img[src=x], .stMain a[href^=javascript]").count() == 0
    _load(page)

    assert page.locator("img[src=x], .stMain a[href^=javascript]").count() == 0
    assert '"><img' in cells(grid(page, "Files of this load"))[0][0]


def test_files_can_be_chosen_and_removed_by_keyboard_alone(address: str, opened: Opened) -> None:
    page = opened(url(address, "data"))

    page.on("filechooser", lambda _: None)  # from now on none is shown
    expect(page.get_by_role("button", name="Choose files")).to_be_enabled()
    _tab_inside(page, "Choose files")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([as_file("app.jsonl", _log(1))])
    expect(row(page, "app.jsonl")).to_contain_text("Uploaded")
    settled(page)
    _tab_inside(page, "Remove")
    page.keyboard.press("Enter")

    expect(page.locator(".file")).to_have_count(0)
    expect(page.locator(".st-key-load-uploads")).to_have_count(0)
    assert page.evaluate(_FOCUS) == "Choose files"
    assert page.get_by_role("button", name="Choose files").is_enabled()


def test_a_server_that_starts_again_is_sent_the_file_anew(db: Path, opened: Opened, tmp_path: Path) -> None:
    log = large_log(tmp_path / "app.jsonl", 2, "restarted")
    with served(db) as address:
        page = opened(url(address, "data"))
        send(page, log)
        stale = page.evaluate("sessionStorage.getItem('spendglass-upload-ticket')")
    with served(db) as address:
        page = opened(url(address, "data"))
        page.evaluate("ticket => sessionStorage.setItem('spendglass-upload-ticket', ticket)", stale)
        page.reload()
        settled(page)
        assert _spool(db) == []
        send(page, log)
        _load(page)
        assert "16 lines = 16 requests" in main_text(page)


_DROPPED = """
files => {
    const dropped = new DataTransfer();
    files.forEach(([name, text]) => dropped.items.add(new File([text], name)));
    return dropped;
}
"""
_FOCUS = """
() => {
    let e = document.activeElement;
    while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
    return e?.innerText ?? "";
}
"""


def _tab_inside(page: Page, text: str) -> None:
    for _ in range(60):
        if page.evaluate(_FOCUS) == text:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab did not reach {text!r}")


def _log(lines: int) -> bytes:
    return "\n".join(json.dumps(usage_record(feature="small")) for _ in range(lines)).encode()


def _load(page: Page) -> None:
    page.locator(".st-key-load-uploads button").click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("Loaded", timeout=20_000)
    settled(page)


def _spool(db: Path) -> list[Path]:
    return list(db.parent.rglob("upload-*"))
