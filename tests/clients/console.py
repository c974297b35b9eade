"""The web console in a browser, against the executable.

Every page in light and dark and at three widths, without a violation of accessibility rules; every job by
keyboard or mouse; hostile names. An error in the browser's console, a violation of the content security
policy or a request to another host fails the check. SATCHEL_SCREENSHOTS names a folder for pictures of
every page.
"""
import contextlib
import json
import os
import pathlib
import shutil

import axe_playwright_python
import requests
from playwright.sync_api import expect, sync_playwright

from satchel import server

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
AXE = (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = [(1280, 800), (768, 1024), (390, 844)]
USER = ("admin", "correct horse battery")
CORE = "Lisbon core 1"
RIGHT_TO_LEFT = "\u202eRTL <script>alert(1)<img src=x onerror=alert(1)> \u200fשלום"
EMOJI = "🚀" * 62 + "👩\u200d"  # 255 bytes, the longest name
HOSTILE = [RIGHT_TO_LEFT, EMOJI, "a?b#c%2f&d=`${x}", "two  spaces", "..", "{{folder}}"]
# Other checks can run at the same time.
expect.set_options(timeout=60_000)
TAGS = "</script><img src=x onerror=alert(1)>"


class Guard:
    """Collects what must not happen in a page."""

    def __init__(self, page, origin):
        self.wrong = []
        self.expected = []
        page.on("console", self.log)
        page.on("pageerror", lambda error: self.wrong.append(f"exception: {error}"))
        page.on("request", lambda request: self.ask(request.url, origin))

    def log(self, message):
        text = f"{message.text} {message.location.get('url', '')}"
        if message.type in ("error", "warning") and not any(part in text for part in self.expected):
            self.wrong.append(text)

    def ask(self, url, origin):
        if not url.startswith((origin + "/", "data:")):
            self.wrong.append(f"foreign request: {url}")

    @contextlib.contextmanager
    def expecting(self, *parts):
        """Allows messages with these parts: Chromium logs each response with an error status."""
        self.expected = parts
        yield
        self.expected = []

    def check(self):
        assert not self.wrong, self.wrong


class Console:
    """A page of the console in a browser."""

    def __init__(self, browser, origin, **context):
        self.origin = origin
        self.context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce", **context)
        self.context.set_default_timeout(60_000)
        self.page = self.context.new_page()
        self.guard = Guard(self.page, origin)

    def open(self, fragment=""):
        with self.guard.expecting("401"):
            self.page.goto(f"{self.origin}/console/{fragment}")
            expect(self.page.locator("#name")).to_be_visible()

    def log_in(self, fragment=""):
        self.open(fragment)
        self.page.fill("#name", USER[0])
        self.page.fill("#password", USER[1])
        self.page.keyboard.press("Enter")
        expect(self.page.locator(".shell")).to_be_visible()
        return self

    def show(self, fragment):
        """Goes to another page as a link does."""
        self.page.goto(f"{self.origin}/console/{fragment}")
        self.settle()

    def settle(self):
        expect(self.page.locator(".shell h1").first).to_be_visible()
        expect(self.page.locator(".loading, .pending")).to_have_count(0)

    def check_access(self, what, rules=RULES):
        """Fails with the elements that break a rule of accessibility."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE)
        run = "rules => axe.run(document, {runOnly: rules, elementRef: false, resultTypes: ['violations']})"
        found = self.page.evaluate(run, rules)["violations"]
        lines = [(entry["id"], [node["target"] for node in entry["nodes"]][:3], entry["nodes"][0]["failureSummary"]) for entry in found]
        assert not found, f"{what}: {json.dumps(lines, indent=1, ensure_ascii=False)}"
        wide = self.page.evaluate("() => document.documentElement.scrollWidth > innerWidth")
        assert not wide, f"{what}: the page is wider than the window"


@contextlib.contextmanager
def browser(binary, *arguments):
    """A server with the sample inventory, and a browser."""
    with server(binary, "--demo", *arguments) as running:
        rest = requests.Session()
        rest.auth = ("admin", "admin")
        change = {"password": "admin", "new_password": USER[1]}
        assert rest.put(running.url + "/rest/password", json=change).status_code == 204
        rest.auth = USER
        with sync_playwright() as playwright:
            flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
            started = playwright.chromium.launch(executable_path=BROWSER, args=flags)
            yield started, running.url, rest
            started.close()


def put(rest, origin, kind, **record):
    response = rest.post(f"{origin}/rest/instance/{kind}", json=record)
    assert response.status_code == 200, response.text


PAGES = {
    "overview": "#/",
    "history": "#/history",
    "change": "#/history/6",
    "import": "#/import",
    "backup": "#/backup",
    "access": "#/access",
    "system": "#/system",
    "new": "#/new/link",
    "edit": f"#/device/{CORE}?edit=1",
    "devices": "#/device",
    "filtered": "#/device?q=vendor:juniper%20-location:porto&o=-name",
    "nothing": "#/link?q=nothing-like-this",
    "services": "#/service",
    "record": f"#/device/{CORE}",
    "pool": "#/pool/All%20devices",
    "configuration": f"#/device/{CORE}?tab=configuration",
    "record-history": f"#/device/{CORE}?tab=history",
    "json": f"#/device/{CORE}?tab=json",
    "missing": "#/device/Nothing",
    "unknown": "#/nowhere",
}


def console_pages(binary, root, fixtures):
    """Each page of the console, in light and dark and at three widths, breaks no rule of accessibility"""
    pictures = os.environ.get("SATCHEL_SCREENSHOTS")
    with browser(binary) as (chromium, origin, rest):
        text = "hostname lisbon\ninterface Loopback0\n"
        for lines in [text, text + " ip address 192.0.2.1\n"]:
            rest.put(f"{origin}/rest/configuration/{CORE}", data=lines.encode(), headers={"content-type": "text/plain"})
        put(rest, origin, "device", name=CORE, vendor="Juniper Networks")
        console = Console(chromium, origin)
        page = console.page
        console.open()
        for scheme in ["light", "dark"]:
            page.emulate_media(color_scheme=scheme)
            console.check_access(f"log in, {scheme}")
        console.log_in()
        for name, fragment in PAGES.items():
            with console.guard.expecting("404"):
                console.show(fragment)
                for scheme in ["light", "dark"]:
                    page.emulate_media(color_scheme=scheme)
                    for width, height in WIDTHS:
                        page.set_viewport_size({"width": width, "height": height})
                        console.settle()
                        # Dark pages differ in their colours only.
                        rules = RULES if scheme == "light" else ["color-contrast"]
                        console.check_access(f"{name}, {scheme}, {width} px", rules)
                        if pictures:
                            page.screenshot(path=f"{pictures}/{name}-{scheme}-{width}.png")
        assert page.evaluate("() => document.querySelectorAll('*').length") < 3000
        page.click(".menu-button")
        # The open menu hides the page, with its landmark and its heading.
        console.check_access("menu, 390 px", RULES[:-1])
        page.keyboard.press("Escape")
        page.set_viewport_size({"width": 1280, "height": 800})
        console.show("#/device")
        page.get_by_role("button", name="Columns").click()
        console.check_access("columns")
        page.keyboard.press("Escape")
        console.show("#/history/6")
        page.get_by_role("button", name="Undo this change").click()
        expect(page.get_by_role("dialog")).to_contain_text("1 record")
        console.check_access("undo")
        page.keyboard.press("Escape")
        console.show(f"#/device/{CORE}")
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("dialog")).to_contain_text("4 records that depend on it")
        console.check_access("delete")
        console.guard.check()


def console_by_keyboard(binary, root, fixtures):
    """A user logs in, filters a table, opens a record and logs out with the keyboard alone"""
    with browser(binary) as (chromium, origin, rest):
        console = Console(chromium, origin)
        page, keys = console.page, console.page.keyboard
        console.open("#/device?o=-name")
        expect(page.locator("#name")).to_be_focused()
        with console.guard.expecting("401"):
            keys.type(USER[0])
            keys.press("Tab")
            keys.type("wrong password")
            keys.press("Enter")
            expect(page.get_by_role("alert")).to_contain_text("wrong")
        expect(page.locator("#password")).to_be_focused()
        keys.type(USER[1])
        keys.press("Enter")
        # The address of before is shown: the last name comes first.
        grid = page.get_by_role("grid", name="Devices")
        expect(grid.get_by_role("row").nth(1)).to_contain_text("Zürich core 1")
        keys.press("/")
        expect(page.get_by_role("searchbox")).to_be_focused()
        keys.type("vendor:arista name~^Lis")
        expect(page.locator(".total")).to_have_text("1 of 17 devices")
        assert "q=vendor%3Aarista" in page.url, page.url
        for _ in range(20):
            keys.press("Tab")
            if grid.evaluate("element => element === document.activeElement"):
                break
        keys.press("ArrowDown")
        keys.press("Enter")
        expect(page.locator("h1")).to_have_text("Lisbon access 1")
        page.go_back()
        expect(page.get_by_role("searchbox")).to_have_value("vendor:arista name~^Lis")
        expect(page.locator(".total")).to_have_text("1 of 17 devices")
        keys.press("/")
        keys.press("Control+a")
        keys.type("vendor:a vendor:b")
        expect(page.locator("#filter-error")).to_contain_text("two conditions")
        with console.guard.expecting("400"):
            keys.press("Control+a")
            keys.type("vendro:a")
            expect(page.get_by_role("alert")).to_contain_text("did you mean 'vendor'?")
        keys.press("Control+a")
        keys.press("Delete")
        expect(page.locator(".total")).to_have_text("17 devices")
        page.get_by_role("button", name="Log out").focus()
        keys.press("Enter")
        expect(page.get_by_text("You are logged out.")).to_be_visible()
        console.guard.check()


def console_session_ends(binary, root, fixtures):
    """A session that ends leads to the log-in page, and from there back to the same page"""
    with browser(binary) as (chromium, origin, rest):
        console = Console(chromium, origin).log_in(f"#/device/{CORE}?tab=history")
        page = console.page
        console.settle()
        for session in rest.get(origin + "/rest/sessions").json()["sessions"]:
            rest.delete(f"{origin}/rest/sessions/{session['id']}")
        with console.guard.expecting("401"):
            page.get_by_role("link", name="JSON").click()
            page.get_by_role("link", name="Links").click()
            expect(page.get_by_text("The session has ended")).to_be_visible()
        assert page.input_value("#name") == USER[0]
        expect(page.locator("#password")).to_be_focused()
        page.keyboard.type(USER[1])
        page.keyboard.press("Enter")
        expect(page.get_by_role("grid", name="Links")).to_be_visible()
        console.guard.check()


def console_edits(binary, root, fixtures):
    """A record is made, changed against a change of somebody else, deleted, and brought back"""
    with browser(binary) as (chromium, origin, rest):
        console = Console(chromium, origin).log_in("#/new/device")
        page, keys = console.page, console.page.keyboard
        # With the keyboard alone: the name has the focus, and Enter saves.
        expect(page.get_by_label("Name", exact=True)).to_be_focused()
        with console.guard.expecting("412"):
            keys.type(CORE)
            keys.press("Enter")
            expect(page.get_by_text(f"There is a record “{CORE}” already.")).to_be_visible()
        page.get_by_label("Name", exact=True).fill("New 🚀")
        page.get_by_label("Vendor").fill("Nokia")
        page.get_by_label("Port", exact=True).fill("many")
        expect(page.get_by_text("This is not a number.")).to_be_visible()
        page.get_by_label("Port", exact=True).fill("2222")
        page.get_by_label("Another property").fill("rack_units")
        page.get_by_role("button", name="Add the property").click()
        page.get_by_label("Rack units").fill("2")
        keys.press("Enter")
        expect(page.locator("h1")).to_have_text("New 🚀")
        made = rest.get(f"{origin}/rest/instance/device/New 🚀").json()
        assert (made["vendor"], made["port"], made["rack_units"]) == ("Nokia", 2222, "2"), made

        page.get_by_role("link", name="Edit").click()
        page.get_by_label("Vendor").fill("Mine")
        page.get_by_label("Model").fill("M1")
        page.get_by_role("checkbox", name="Reachable").check()
        put(rest, origin, "device", name="New 🚀", vendor="Theirs", location="Porto")
        with console.guard.expecting("412"):
            page.get_by_role("button", name="Save 3 changes").click()
            expect(page.get_by_text("Somebody else changed the record meanwhile")).to_be_visible()
        expect(page.locator(".notice")).to_contain_text("Changed by others: Location")
        console.check_access("conflict")
        page.get_by_role("button", name="Keep the stored Vendor").click()
        expect(page.get_by_label("Vendor")).to_have_value("Theirs")
        page.get_by_role("button", name="Save 2 changes").click()
        expect(page.locator(".tabs")).to_be_visible()
        merged = rest.get(f"{origin}/rest/instance/device/New 🚀").json()
        shown = [merged[name] for name in ["vendor", "model", "location", "reachable"]]
        assert shown == ["Theirs", "M1", "Porto", True], merged

        page.get_by_role("link", name="Edit").click()
        page.get_by_role("combobox", name="Owners").fill("olivia")
        page.get_by_role("combobox", name="Owners").press("Enter")
        page.get_by_label("Name", exact=True).fill("Renamed")
        page.get_by_role("button", name="Save 2 changes").click()
        expect(page.locator("h1")).to_have_text("Renamed")
        assert rest.get(f"{origin}/rest/instance/device/Renamed").json()["owners"] == ["olivia"]

        console.show(f"#/device/{CORE}")
        page.get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Lisbon core 1 -> Porto core 1")
        dialog.get_by_role("button", name="Delete 5 records").click()
        expect(page.locator(".total")).to_have_text("17 devices")
        assert rest.get(f"{origin}/rest/instance/device/{CORE}").status_code == 404
        console.show("#/history")
        page.get_by_role("link", name="Change").first.click()
        page.get_by_role("button", name="Undo this change").click()
        page.get_by_role("dialog").get_by_role("button", name="Undo", exact=True).click()
        expect(page.locator(".notice.good")).to_be_visible()
        assert rest.get(f"{origin}/rest/instance/device/{CORE}").json()["vendor"] == "Juniper"
        console.guard.check()


def console_imports(binary, root, fixtures):
    """A table with a fault is previewed, corrected, imported and undone; a project is previewed"""
    with browser(binary) as (chromium, origin, rest):
        console = Console(chromium, origin).log_in("#/import")
        page = console.page

        def choose(text):
            file = {"name": "sites.csv", "mimeType": "text/csv", "buffer": text.encode()}
            page.set_input_files("input[type=file]", file)
            page.get_by_role("button", name="Preview").click()

        choose(f"name,port,vendor\nNew 🚀,abc,Cisco\n{CORE},22,Nokia\n")
        expect(page.locator(".report-list").first).to_contain_text("device!B2, New 🚀")
        console.check_access("rejected import")
        expect(page.get_by_role("button", name="Import", exact=True)).to_have_count(0)
        page.get_by_role("button", name="Another file").click()
        choose(f"name,port,vendor\nNew 🚀,2222,Cisco\n{CORE},22,Nokia\n")
        expect(page.locator(".has-created").first).to_have_text("1")
        page.locator("summary", has=page.locator(".updated")).filter(has_text="1 Device").click()
        expect(page.locator(".report-list")).to_contain_text("Juniper")
        console.check_access("preview of an import")
        assert rest.get(f"{origin}/rest/instance/device/{CORE}").json()["vendor"] == "Juniper"
        page.get_by_role("button", name="Import", exact=True).click()
        expect(page.get_by_role("button", name="Undo the import")).to_be_visible()
        assert rest.get(f"{origin}/rest/instance/device/New 🚀").json()["port"] == 2222
        page.get_by_role("button", name="Undo the import").click()
        page.get_by_role("dialog").get_by_role("button", name="Undo", exact=True).click()
        expect(page.locator(".form-actions .notice.good")).to_be_visible()
        assert rest.get(f"{origin}/rest/instance/device/New 🚀").status_code == 404
        assert rest.get(f"{origin}/rest/instance/device/{CORE}").json()["vendor"] == "Juniper"

        put(rest, origin, "link", name="Extra", source=CORE, destination="Porto core 1")
        page.get_by_role("button", name="Another file").click()
        page.get_by_role("button", name="Use demo").click()
        page.get_by_label("Replace: delete the records").check()
        page.get_by_role("button", name="Preview").click()
        expect(page.locator(".has-removed").first).to_have_text("1")
        expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
        page.get_by_label("I want to delete").check()
        page.get_by_role("button", name="Import", exact=True).click()
        expect(page.get_by_role("button", name="Undo the import")).to_be_visible()
        assert rest.get(f"{origin}/rest/instance/link/Extra").status_code == 404
        console.guard.check()


def console_backups(binary, root, fixtures):
    """A backup is made, verified, downloaded, uploaded, restored with a preview, and deleted"""
    with browser(binary) as (chromium, origin, rest):
        console = Console(chromium, origin).log_in("#/backup")
        page = console.page
        page.get_by_label("Name (optional)").fill("before")
        page.get_by_role("button", name="Make it and store it here").click()
        expect(page.get_by_text("The backup “before” is stored")).to_be_visible()
        page.get_by_role("button", name="Verify").click()
        expect(page.locator(".changes .good-text")).to_contain_text("Backup OK")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download", exact=True).click()
        file = pathlib.Path(download.value.path()).read_bytes()
        assert file == rest.get(f"{origin}/rest/backups/before").content
        upload = {"name": "copy.zip", "mimeType": "application/zip", "buffer": file}
        page.set_input_files("input[type=file]", upload)
        expect(page.get_by_role("heading", name="copy")).to_be_visible()

        put(rest, origin, "device", name="Made later")
        card = page.locator(".changes li", has_text="copy")
        card.get_by_role("button", name="Restore").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Preview").click()
        expect(dialog.locator(".has-removed").first).to_have_text("1")
        console.check_access("preview of a restore")
        dialog.get_by_label("I want to delete").check()
        dialog.get_by_role("button", name="Restore exactly this").click()
        expect(page.locator(".notice.good")).to_contain_text("restored")
        assert rest.get(f"{origin}/rest/instance/device/Made later").status_code == 404
        card.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_role("heading", name="copy")).to_have_count(0)
        console.guard.check()


def console_rights(binary, root, fixtures):
    """A user who can only read sees no button that changes something"""
    with browser(binary) as (chromium, origin, rest):
        put(rest, origin, "user", name="reader", password=USER[1])
        console = Console(chromium, origin)
        page = console.page
        console.open("#/device")
        page.fill("#name", "reader")
        page.fill("#password", USER[1])
        page.keyboard.press("Enter")
        expect(page.locator(".total")).to_have_text("17 devices")
        for fragment in ["#/device", f"#/device/{CORE}", "#/history/2", "#/system", "#/access", "#/"]:
            console.show(fragment)
            for name in ["New", "Edit", "Delete", "Undo this change", "Verify now"]:
                assert page.get_by_role("button", name=name, exact=True).count() == 0, (fragment, name)
                assert page.get_by_role("link", name=name, exact=True).count() == 0, (fragment, name)
        console.show("#/access")
        page.get_by_label("Present password").fill(USER[1])
        page.get_by_label("New password", exact=True).fill("another horse battery")
        page.get_by_label("New password again").fill("another horse battery")
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_text("The password is changed.")).to_be_visible()
        page.get_by_text("Make a token").click()
        page.get_by_label("Name", exact=True).fill("script")
        page.get_by_role("button", name="Make the token").click()
        token = page.locator(".notice .code").text_content()
        headers = {"authorization": f"Bearer {token}"}
        assert requests.get(origin + "/rest/count", headers=headers).status_code == 200
        page.get_by_role("button", name="Revoke").click()
        expect(page.get_by_role("button", name="Revoke")).to_have_count(0)
        assert requests.get(origin + "/rest/count", headers=headers).status_code == 401
        console.guard.check()


def console_hostile_names(binary, root, fixtures):
    """Hostile names are shown as text, can be opened, and change nothing of the page"""
    with browser(binary) as (chromium, origin, rest):
        for name in HOSTILE:
            put(rest, origin, "device", name=name, vendor=name, description=TAGS, **{TAGS: "<b>&amp;"})
        console = Console(chromium, origin).log_in("#/device")
        page = console.page
        console.settle()
        for name in HOSTILE:
            address = "#/device/" + requests.utils.quote(name, safe="")
            console.show(address)
            found = page.locator("dt", has_text="Description").locator("xpath=following-sibling::dd")
            expect(found).to_have_text(TAGS)
            console.check_access(name)
            for tab in ["history", "json"]:
                console.show(f"{address}?tab={tab}")
            assert json.loads(page.locator(".code").nth(1).text_content())["name"] == name
        console.show("#/device/" + requests.utils.quote(RIGHT_TO_LEFT, safe=""))
        expect(page.locator("h1 .code-point").first).to_have_text("U+202E")
        assert page.locator("img[src=x]").count() == 0
        console.show("#/device?q=" + requests.utils.quote(f'vendor="{HOSTILE[2]}"'))
        expect(page.locator(".total")).to_have_text(f"1 of {17 + len(HOSTILE)} devices")
        console.guard.check()


def console_many_rows(binary, root, fixtures):
    """A table of 5,000 records is scrolled and opened at any row, with few elements in the page"""
    with browser(binary) as (chromium, origin, rest):
        records = [{"name": f"R{number:05}", "vendor": "Nokia"} for number in range(5000)]
        assert rest.post(f"{origin}/rest/instance/device?atomic", json=records).status_code == 200
        console = Console(chromium, origin).log_in("#/device?q=name:R0")
        page = console.page
        expect(page.locator(".total")).to_have_text("5,000 of 5,017 devices")
        grid = page.get_by_role("grid")
        grid.focus()
        page.keyboard.press("End")
        expect(page.get_by_role("link", name="R04999")).to_be_visible()
        assert page.evaluate("() => document.querySelectorAll('*').length") < 1500
        grid.evaluate("element => { element.scrollTop = element.scrollHeight / 2; }")
        expect(page.get_by_role("link", name="R02500")).to_be_visible()
        page.get_by_role("link", name="R02500").click()
        expect(page.locator("h1")).to_have_text("R02500")
        page.go_back()
        expect(page.get_by_role("link", name="R02500")).to_be_visible()
        console.guard.check()


CHECKS = [
    console_pages, console_by_keyboard, console_session_ends, console_edits, console_imports,
    console_backups, console_rights,
    console_hostile_names, console_many_rows,
]
