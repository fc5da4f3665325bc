"""SQL expressions over the columns of one row, from sqlglot's tree to Polars.

Every operator has one meaning, that of the SQL standard where it has one, and Postgres's where
not. What engines disagree on is either fixed here (a remainder has the sign of what is divided,
a division by nought is null, halves are rounded away from nought) or not allowed.
"""
