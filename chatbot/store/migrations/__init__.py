"""The way of the tables through the versions, one file per step."""
