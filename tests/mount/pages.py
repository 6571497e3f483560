"""Pages and drawings read back: HTML by html.parser, strictly; SVG by ElementTree."""

import html.parser
import os
import urllib.parse
import xml.etree.ElementTree as ET

VOID = {"meta", "br", "hr", "img", "link", "input", "col", "wbr"}
SVG = "{http://www.w3.org/2000/svg}"


class _Reader(html.parser.HTMLParser):
    """Builds a tree. What a browser would repair is an error here."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.builder, self.open, self.ids, self.doctype = ET.TreeBuilder(), [], set(), None

    def handle_decl(self, decl):
        assert not self.open and self.doctype is None
        self.doctype = decl

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        found = dict(attrs)
        if "id" in found:
            assert found["id"] not in self.ids, "two elements with id " + found["id"]
            self.ids.add(found["id"])
        assert self.doctype, "no doctype before <%s>" % tag
        self.builder.start(tag, {k: v or "" for k, v in attrs})
        if tag in VOID:
            self.builder.end(tag)
        else:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert "svg" in self.open, "<%s/> outside of a drawing" % tag
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, "</%s> in %s at %s" % (tag, self.open, self.getpos())
        self.open.pop()
        self.builder.end(tag)

    def handle_data(self, data):
        if self.open:
            self.builder.data(data)
        else:
            assert not data.strip(), "text outside of the page: %r" % data

    def handle_comment(self, data):
        raise AssertionError("a comment: %r" % data)

    handle_pi = unknown_decl = handle_comment


class Page:
    def __init__(self, data):
        self.text = data.decode("utf-8")
        reader = _Reader()
        reader.feed(self.text)
        reader.close()
        assert reader.doctype == "DOCTYPE html" and not reader.open, reader.open
        self.root, self.ids = reader.builder.close(), reader.ids

    def all(self, tag, css=None):
        return [e for e in self.root.iter(tag) if css is None or css in e.get("class", "").split()]

    def one(self, tag, css=None):
        found = self.all(tag, css)
        assert len(found) == 1, (tag, css, len(found))
        return found[0]

    def section(self, name):
        return next((e for e in self.root.iter("section") if e.get("id") == name), None)

    def facts(self):
        """{name: <dd>} of the page's head."""
        items = list(self.one("dl", "facts"))
        assert [e.tag for e in items] == ["dt", "dd"] * (len(items) // 2)
        return {words(k): v for k, v in zip(items[::2], items[1::2])}

    def links(self):
        return [e.get("href") for e in self.root.iter("a")]


def words(element):
    return "".join(element.itertext()).strip()


def table(element):
    """[[<td>, ...], ...] of the table in an element, without its head."""
    return [list(row) for row in element.find(".//tbody")]


def drawing(data):
    """The root of an SVG file, which has to be well-formed."""
    root = ET.fromstring(data)
    assert root.tag == SVG + "svg"
    for e in root.iter():
        assert e.tag.startswith(SVG), e.tag
        e.tag = e.tag[len(SVG):]
    return root


def titled(root, tag, css):
    """{its <title>: [element, ...]} of elements of a class in a drawing that have one."""
    found = {}
    for e in root.iter(tag):
        if css in e.get("class", "").split() and e.find("title") is not None:
            found.setdefault(e.find("title").text, []).append(e)
    return found


def check_links(mount, directory, page):
    """Each link of a page in that directory leads to something that is there; returns how many there are."""
    links = [link for link in page.links() if not link.startswith("#")]
    for link in links:
        assert not urllib.parse.urlsplit(link).scheme and not link.startswith("/"), link
        assert os.path.exists(os.path.join(str(mount / directory), urllib.parse.unquote(link))), link
    for link in page.links():
        assert not link.startswith("#") or link[1:] in page.ids, link
    return len(links)
