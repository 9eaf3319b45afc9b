"""The retrievers under the reference's name for their place."""

from lmnb.retrieve import BM25, ColBERTv2, Embeddings, EmbeddingsWithScores, Pinecone, Pyserini

__all__ = ["BM25", "ColBERTv2", "Embeddings", "EmbeddingsWithScores", "Pinecone", "Pyserini"]
