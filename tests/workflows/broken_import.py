"""Fail to import, as a workflow with a missing dependency does."""

raise ImportError("this workflow needs a package that is not installed")
