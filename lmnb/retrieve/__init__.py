"""Retrieval: passages for a query, from words, from vectors, or from a server, behind one protocol."""

from lmnb.retrieve.base import BaseRetriever, Function, Retriever
from lmnb.retrieve.bm25 import BM25
from lmnb.retrieve.colbert import ColBERTv2
from lmnb.retrieve.embeddings import Embeddings, EmbeddingsWithScores
from lmnb.retrieve.passage import Passage, Passages
from lmnb.retrieve.pinecone import Pinecone
from lmnb.retrieve.pyserini import Pyserini
from lmnb.retrieve.words import english, words

__all__ = [
    "BM25",
    "BaseRetriever",
    "ColBERTv2",
    "Embeddings",
    "EmbeddingsWithScores",
    "Function",
    "Passage",
    "Passages",
    "Pinecone",
    "Pyserini",
    "Retriever",
    "english",
    "words",
]
