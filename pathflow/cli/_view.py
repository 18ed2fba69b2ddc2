"""`pathflow view`."""

import webbrowser
from pathlib import Path

import pathflow as pf

from ._checks import check_outside
from ._options import View
from ._output import log, write
from ._saved import opened


def run(options: View) -> None:
    """Makes a page of saved results, prints where it is, and opens it.

    Raises:
        ArgumentError: no result is named, two have the same name, one is too large, or the page
            would be written into one.
    """
    if not options.results:
        raise pf.ArgumentError("name at least one result, the folder that it was saved in.")
    names = [folder.resolve().name for folder in options.results]
    if len(set(names)) < len(names):
        raise pf.ArgumentError(
            f"results named {', '.join(names)} become pages under these names, and two are the "
            "same; rename a folder."
        )
    page = options.out or Path(f"{names[0]}.html")
    check_outside("--out" if options.out else "the page", page, options.results)
    results = [opened(folder, blocks=False) for folder in options.results]
    shown = results[0] if len(results) == 1 else dict(zip(names, results, strict=True))
    pf.save_html(shown, page, title=options.title)
    write(str(page))
    if options.open and not webbrowser.open(page.resolve().as_uri()):
        log.info("no browser could be opened; open the page yourself, or give --no-open")
