"""Getting data: ``python -m datasets.download`` fetches data sets, ``unpack_once`` unpacks bundled ones."""
