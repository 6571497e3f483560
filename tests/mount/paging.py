"""Pages of a mount as a tree of elements, and what has to hold of every one of them."""

import html.parser
import os
import re
import urllib.parse

VOID = {"meta", "img", "br", "hr", "link", "input", "rect", "path", "line", "circle"}
HARMFUL = {"script", "iframe", "object", "embed", "link", "form", "base", "foreignobject", "audio", "video"}


class Element:
    def __init__(self, tag, attrs):
        self.tag, self.attrs, self.children = tag, dict(attrs), []

    def text(self):
        return "".join(c if isinstance(c, str) else c.text() for c in self.children)

    def all(self, tag=None, cls=None):
        """Every element below this one, in the page's order."""
        for child in self.children:
            if not isinstance(child, str):
                if (tag is None or child.tag == tag) and (cls is None or cls in child.attrs.get("class", "").split()):
                    yield child
                yield from child.all(tag, cls)

    def one(self, tag=None, cls=None):
        found = list(self.all(tag, cls))
        assert len(found) == 1, (tag, cls, len(found))
        return found[0]

    def rows(self):
        """Texts of the cells of a table, row by row."""
        return [[cell.text() for cell in row.children if not isinstance(cell, str)] for row in self.all("tr")]


class Page(html.parser.HTMLParser):
    """A page that is checked as it is read: each element is closed where it has to be, nothing is there that runs or
    loads anything."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]
        self.feed(text)
        self.close()
        assert len(self.open) == 1, "not closed: " + ", ".join(e.tag for e in self.open[1:])
        assert text.startswith("<!DOCTYPE html>")
        self.root = self.open[0]

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        assert tag not in HARMFUL, tag
        for name, value in attrs:
            assert not name.startswith("on") and name not in ("style", "srcdoc", "action"), (tag, name)
            if name in ("src", "href"):
                assert re.match(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]*=*$" if name == "src"
                                else r"[^:?#\s]*(#[\w-]*)?$", value), (tag, name, value[:80])
        element = Element(tag, attrs)
        self.open[-1].children.append(element)
        if tag not in VOID or (tag == "rect" and not self.get_starttag_text().endswith("/>")):
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, "</%s> in <%s>" % (tag, self.open[-1].tag)
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].children.append(data)

    def links(self):
        return [a.attrs["href"] for a in self.root.all("a")]


def read_page(mount, path):
    """The page at a path of the mount; its links, which are relative, lead to what is there (of the code only where the
    mount shows any)."""
    page = Page(mount.read(path).decode())
    folder = os.path.dirname(str(mount / path))
    for link in page.links():
        there = os.path.normpath(os.path.join(folder, urllib.parse.unquote(link.split("#")[0])))
        assert there.startswith(str(mount.path)) and (os.path.exists(there) or "/.code" in link), link
    return page
