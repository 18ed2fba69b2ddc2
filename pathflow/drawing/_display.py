"""What notebooks ask of an object that they show."""

import abc
from collections.abc import Container
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """An object as markup, without scripts.

    Arguments:
        html: a fragment of HTML.
        svg: a picture of its own, or None.
    """

    html: str
    svg: str | None = None


class AbstractDisplayed(abc.ABC):
    """An object that notebooks show as HTML.

    Jupyter and its kin ask for a bundle of formats; marimo, treescope and documentation builders
    ask for the HTML alone. Both are static: they run nothing, and link to nothing.
    """

    @abc.abstractmethod
    def _page(self) -> Page:
        """The object as markup."""

    def _repr_mimebundle_(
        self,
        include: Container[str] | None = None,
        exclude: Container[str] | None = None,
    ) -> dict[str, str]:
        page = self._page()
        formats = {"text/plain": repr(self), "text/html": page.html}
        if page.svg is not None:
            formats["image/svg+xml"] = page.svg
        return {
            kind: text
            for kind, text in formats.items()
            if (include is None or kind in include) and (exclude is None or kind not in exclude)
        }

    def _repr_html_(self) -> str:
        return self._page().html
