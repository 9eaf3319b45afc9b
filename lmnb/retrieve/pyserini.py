"""`Pyserini`: passages from a Lucene index. Lin et al., "Pyserini: A Python Toolkit for Reproducible Information Retrieval
Research with Sparse and Dense Representations", 2021.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lmnb.errors import InputError, RetrievalError
from lmnb.optional import need
from lmnb.retrieve.base import BaseRetriever, check_k
from lmnb.retrieve.passage import Passage


class Pyserini(BaseRetriever):
    """Searches a Lucene index through Pyserini.

    `index` is a searcher of Pyserini's, the folder of an index, or the name of one that Pyserini offers ready made (it
    downloads it). A folder or name is opened on the first query and needs the extra `lmnb[pyserini]`, and Java. A stored
    document that is a JSON object gives its `text_fields` as the text, joined by a line, and the others as metadata;
    any other document is the text.

    >>> import lmnb
    >>> class Searcher:
    ...     def search(self, query, k):
    ...         return [type("Hit", (), {"docid": "d1", "score": 3.5})]
    ...     def doc(self, docid):
    ...         return type("Document", (), {"raw": lambda self: '{"id": "d1", "contents": "Bern"}'})()
    >>> lmnb.Pyserini(Searcher())("a town")
    [Passage(text='Bern', id='d1', score=3.5, metadata={})]
    """

    def __init__(self, index: Any, k: int = 5, *, text_fields: Sequence[str] = ("title", "contents", "text")) -> None:
        if not isinstance(index, (str, Path)) and not callable(getattr(index, "search", None)):
            raise InputError(f"{index!r} is no index. Give a folder, a name, or a searcher of Pyserini's.")
        self.index = index
        self.k = check_k(k)
        self.text_fields = tuple(text_fields)

    def search(self, queries: list[str], k: int) -> list[list[Passage]]:
        searcher = self._opened()
        return [[self._passage(searcher, hit) for hit in searcher.search(query, k)] for query in queries]

    def __repr__(self) -> str:
        name = str(self.index) if isinstance(self.index, (str, Path)) else type(self.index).__name__
        return f"Pyserini({name!r}, k={self.k})"

    def _opened(self) -> Any:
        if isinstance(self.index, (str, Path)):
            need("pyserini", "pyserini", "Pyserini")
            lucene = import_module("pyserini.search.lucene").LuceneSearcher
            there = Path(self.index).is_dir()
            found = lucene(str(self.index)) if there else lucene.from_prebuilt_index(str(self.index))
            if found is None:
                raise RetrievalError(f"{str(self.index)!r} is no folder, and Pyserini knows no index of that name.")
            self.index = found
        return self.index

    def _passage(self, searcher: Any, hit: Any) -> Passage:
        document = searcher.doc(hit.docid)
        stored = document and (document.raw() or document.contents())
        if not isinstance(stored, str):
            raise RetrievalError(f"the index has no text of the document {hit.docid!r}. Build it with --storeRaw.")
        fields = _fields(stored)
        texts = [fields[name] for name in self.text_fields if isinstance(fields.get(name), str)]
        more = {name: value for name, value in fields.items() if name not in (*self.text_fields, "id")}
        return Passage("\n".join(texts) if texts else stored, str(hit.docid), float(hit.score), more if texts else {})


def _fields(stored: str) -> dict[str, Any]:
    try:
        found = json.loads(stored)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
