"""Let one reading statement pass, and refuse everything else. The parsed tree is judged, never the text.

A statement passes if each of its nodes is of a kind that is listed here, if it names only tables and columns of a given
schema, and if it is one SELECT. A list of allowed nodes cannot miss a function that reads files, sleeps or writes.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp, parse, parse_one
from sqlglot.errors import OptimizeError, ParseError, SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

# Its warnings quote the statement, which a stranger may have typed.
logging.getLogger("sqlglot").setLevel(logging.ERROR)  # noqa: TID251 - the library's own logger

LONGEST_STATEMENT_CHARS = 8_000
MOST_ROWS = 200
"""Rows that a statement may return. A larger or missing LIMIT is replaced."""
MOST_TABLES = 6
"""Tables that one statement may join, since each multiplies its work."""
DIALECT = "postgres"
"""SQLite reads the allowed statements, too."""

_ALLOWED: frozenset[type[exp.Expr]] = frozenset(
    {
        *(exp.Select, exp.Union, exp.Intersect, exp.Except, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join),
        *(exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct),
        *(exp.Table, exp.TableAlias, exp.Column, exp.Identifier, exp.Alias, exp.Star, exp.Literal, exp.Boolean),
        *(exp.Null, exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is),
        *(exp.In, exp.Between, exp.Like, exp.ILike, exp.Exists, exp.Tuple, exp.Case, exp.If, exp.Cast, exp.DataType),
        *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.DPipe, exp.Concat, exp.Coalesce, exp.Nullif),
        *(exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.Round),
        *(exp.Abs, exp.Substring, exp.CurrentTimestamp, exp.CurrentDate, exp.Interval, exp.Var),
        *(exp.Window, exp.RowNumber, exp.Rank, exp.DenseRank),
    }
)
_TYPES = frozenset(
    {
        *(exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR, exp.DataType.Type.INT, exp.DataType.Type.BIGINT),
        *(exp.DataType.Type.FLOAT, exp.DataType.Type.DOUBLE, exp.DataType.Type.DECIMAL, exp.DataType.Type.BOOLEAN),
        *(exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPTZ),
    }
)
Schema = Mapping[str, Sequence[str]]
"""Columns by table, in small letters."""


class StatementRefused(ValueError):
    """Raised when a statement is none that may be run. The message says why."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that may be run."""

    sql: str
    """The statement without comments and with a LIMIT."""
    tables: list[str]
    """Tables that it reads."""


def guarded(sql: str, schema: Schema) -> Statement:
    """Return a statement as it may be run.

    Args:
        sql: The statement.
        schema: Tables and columns that it may name.

    Raises:
        StatementRefused: It is not one SELECT over the schema with functions that only compute.
    """
    tree = _parsed(sql)
    for node in tree.walk():
        _check_node(node)
    tables = _tables_of(tree, schema)
    _check_columns(tree, schema)
    return Statement(_limited(tree).sql(dialect=DIALECT, comments=False), tables)


def in_sqlite(statement: Statement) -> str:
    """Return a statement that passed the guard in the words of SQLite, which has no ILIKE and no intervals."""
    return parse_one(statement.sql, read=DIALECT).transform(_without_interval).sql(dialect="sqlite")


def _without_interval(node: exp.Expr) -> exp.Expr:
    """Return `moment - INTERVAL '7 days'` as `DATETIME(moment, '-7 days')`. Any other node stays."""
    if not isinstance(node, exp.Add | exp.Sub) or not isinstance(node.expression, exp.Interval):
        return node
    span, sign = node.expression, "-" if isinstance(node, exp.Sub) else "+"
    told = f"{sign}{span.this.name if span.this else ''} {span.unit.name.lower() if span.unit else ''}"
    return exp.func("datetime", node.this, exp.Literal.string(told.strip()))


def _parsed(sql: str) -> exp.Query:
    if len(sql) > LONGEST_STATEMENT_CHARS:
        raise StatementRefused(f"it has {len(sql)} characters; at most {LONGEST_STATEMENT_CHARS} are read")
    try:
        statements = [statement for statement in parse(sql, read=DIALECT) if statement is not None]
    except (SqlglotError, RecursionError) as exc:
        raise StatementRefused(f"it is no SQL that can be read: {_first_line(exc)}") from None
    if len(statements) != 1:
        raise StatementRefused(f"it has {len(statements)} statements; expected one SELECT")
    [statement] = statements
    if not isinstance(statement, exp.Query):
        raise StatementRefused(f"it is a {statement.key.upper()}; expected one SELECT")
    return statement


def _check_node(node: exp.Expr) -> None:
    if type(node) not in _ALLOWED:
        name = node.name.upper() if isinstance(node, exp.Anonymous) else node.key.upper()
        raise StatementRefused(f"`{name}` is not allowed in a question")
    if isinstance(node, exp.Table) and (node.db or node.catalog):
        raise StatementRefused(f"`{node.sql(dialect=DIALECT)}` names a schema; name the table alone")
    if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
        raise StatementRefused(f"`{node.sql(dialect=DIALECT)}` is no table")
    if isinstance(node, exp.With) and node.recursive:
        raise StatementRefused("`WITH RECURSIVE` is not allowed in a question, since it need not end")
    if isinstance(node, exp.DataType) and node.this not in _TYPES:
        raise StatementRefused(f"`{node.sql(dialect=DIALECT)}` is no type to cast to")
    if isinstance(node, exp.Select) and (node.args.get("locks") or node.args.get("into")):
        raise StatementRefused("a question takes no locks and writes no table")


def _tables_of(tree: exp.Query, schema: Schema) -> list[str]:
    """Return the tables of the store that a statement reads. A common table expression is none."""
    try:
        sources = [source for scope in traverse_scope(tree) for source in scope.sources.values()]
    except (OptimizeError, RecursionError) as exc:
        raise StatementRefused(_first_line(exc)) from None
    named = [source.name.lower() for source in sources if isinstance(source, exp.Table)]
    if unknown := next((name for name in named if name not in schema), None):
        raise StatementRefused(f"there is no table `{unknown}`; there are {', '.join(schema)}")
    if not named:
        raise StatementRefused("it reads no table")
    if len(named) > MOST_TABLES:
        raise StatementRefused(f"it reads {len(named)} tables; at most {MOST_TABLES} are allowed")
    return list(dict.fromkeys(named))


def _check_columns(tree: exp.Query, schema: Schema) -> None:
    columns: dict[str, object] = {table: dict.fromkeys(names, "text") for table, names in schema.items()}
    try:
        qualify(tree.copy(), schema=columns, dialect=DIALECT)
    except (SqlglotError, RecursionError) as exc:
        raise StatementRefused(_first_line(exc)) from None


def _limited(tree: exp.Query) -> exp.Query:
    limit = tree.args.get("limit")
    wanted = limit.expression if isinstance(limit, exp.Limit) else None
    if isinstance(wanted, exp.Literal) and wanted.is_int and int(wanted.name) <= MOST_ROWS:
        return tree
    return tree.limit(MOST_ROWS)


def _first_line(exc: Exception) -> str:
    if isinstance(exc, RecursionError):
        return "it is nested too deeply"
    described: Iterable[Mapping[str, object]] = exc.errors if isinstance(exc, ParseError) else ()
    told = next((str(error["description"]) for error in described), str(exc))
    return told.splitlines()[0].rstrip(".") if told else type(exc).__name__
