"""The edge agent: records a site's cameras, keeps what it recorded until the server has receipted it, dials out only.

It never imports ``server``, SQLAlchemy, FastAPI or an S3 library: all it has of the store is one ticket per upload.
"""
