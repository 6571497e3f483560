"""Pages of tasks read back by tests/mount/pages.py, as elements that are easy to ask; and what has to hold of each."""

import os
import re
import urllib.parse

import pages

HARMFUL = {"script", "iframe", "frame", "object", "embed", "link", "form", "base", "foreignobject", "audio", "video",
           "animate", "set", "use", "image"}
PICTURE = r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]*=*"


class Element:
    def __init__(self, element):
        self.element, self.attrs = element, element.attrib

    def text(self):
        return "".join(self.element.itertext())

    def all(self, tag=None, css=None):
        """Every element below this one of a tag and class, in the page's order."""
        return [Element(e) for e in self.element.iter(tag)
                if e is not self.element and (css is None or css in e.get("class", "").split())]

    def one(self, tag=None, css=None):
        found = self.all(tag, css)
        assert len(found) == 1, (tag, css, len(found))
        return found[0]

    def rows(self):
        """Texts of the cells of a table, row by row."""
        return [["".join(cell.itertext()) for cell in row] for row in self.element.iter("tr")]


def check_harmless(root):
    """Nothing in a page runs, and nothing is loaded."""
    for e in root.iter():
        assert e.tag not in HARMFUL, e.tag
        for name, value in e.attrib.items():
            assert not name.startswith("on") and name not in ("style", "srcdoc", "action", "srcset"), (e.tag, name)
            assert name != "src" or (e.tag == "img" and re.fullmatch(PICTURE, value)), (e.tag, value[:80])
            assert not name.endswith("href") or re.fullmatch(r"[^:?#\s]*", value), (e.tag, value[:80])


def read_page(mount, path):
    """The root of the page at a path of the mount; its links, which are relative, lead to what is there."""
    page = pages.Page(mount.read(path))
    check_harmless(page.root)
    folder = os.path.dirname(str(mount / path))
    for link in page.links():
        there = os.path.normpath(os.path.join(folder, urllib.parse.unquote(link)))
        assert there.startswith(str(mount.path)) and os.path.exists(there), link
    return Element(page.root)
