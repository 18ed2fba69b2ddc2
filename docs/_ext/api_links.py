"""Public names in code, on pages and in docstrings, are links to their place in the API pages."""

import re

from docutils import nodes
from sphinx.addnodes import desc_signature, pending_xref
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

# `pf.trace`, `pathflow.Line(baseline)`, `Enumerate()`, `TracedGraph.structure`; not `x`, nor `c1+`.
_NAME = re.compile(r"(pf\.|pathflow\.)?([A-Za-z_]\w*(?:\.\w+)*)(\(.*\))?", re.DOTALL)


class LinkNames(SphinxPostTransform):
    """Wraps what names a documented object into a reference."""

    default_priority = 5  # before references are resolved

    def run(self, **_kwargs: object) -> None:
        objects = self.env.domains.python_domain.objects
        for literal in list(self.document.findall(nodes.literal)):
            match = _NAME.fullmatch(literal.astext())
            if match is None or isinstance(literal.parent, nodes.reference | pending_xref):
                continue
            prefix, name, _ = match.groups()
            if not prefix and not name[0].isupper():
                continue
            target = f"pathflow.{name}"
            if target in objects and not self._documents(literal, target):
                reference = pending_xref(
                    "", refdomain="py", reftype="obj", reftarget=target, refexplicit=True,
                    refdoc=self.env.docname, refwarn=False,
                )  # fmt: skip
                literal.replace_self(reference)
                reference += literal

    @staticmethod
    def _documents(node: nodes.Node, target: str) -> bool:
        """Whether the node is part of the very description that it would link to."""
        parent = node.parent
        while parent is not None:
            signature = next(iter(parent.children), None)
            if isinstance(signature, desc_signature) and target in signature["ids"]:
                return True
            parent = parent.parent
        return False


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
