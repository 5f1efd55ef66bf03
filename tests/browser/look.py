"""Screenshots for work on a page: `python -m tests.browser.look ADDRESS [ADDRESS …] --out DIR`.

A later address may be only a path, on the first one's origin; so only the first one needs the token.
"""

import argparse
import re
import tempfile
from pathlib import Path
from urllib.parse import urljoin

from tests.browser.driver import Theme, browser

HEIGHT = 900
THEMES: tuple[Theme, ...] = ("light", "dark")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("addresses", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--widths", type=int, nargs="+", default=[360, 1024, 1920])
    parser.add_argument("--themes", nargs="+", choices=THEMES, default=THEMES)
    parser.add_argument("--full", action="store_true", help="the whole page, however long")
    parser.add_argument("--axe", action="store_true", help="also what axe finds")
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, browser(Path(scratch)) as chromium:
        page = chromium.open()
        for address in wanted.addresses:
            url = urljoin(wanted.addresses[0], address)
            print(url, page.goto(url))
            for theme in wanted.themes:
                for width in wanted.widths:
                    page.look(width=width, height=HEIGHT, theme=theme)
                    page.settle()
                    name = re.sub(r"\W+", "-", url.partition("://")[2].partition("?")[0]).strip("-")
                    print(page.screenshot(wanted.out / f"{name}-{width}-{theme}.png", full=wanted.full))
                if wanted.axe:
                    for each in page.axe():
                        print(f"axe, {theme}: {each.impact}: {each.id}: {each.help}", *each.where, sep="\n    ")
        for error in page.notes().errors:
            print("error:", error)


if __name__ == "__main__":
    main()
