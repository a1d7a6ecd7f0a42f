"""Keeps the bytes of a registry in S3, Google Cloud Storage or Azure Blob Storage."""
