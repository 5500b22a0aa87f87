"""Tell sentences of a page that give orders to a program that reads it. They are no evidence of anything."""

import re

from agentic_sales.rules.signs import compiled, level
from agentic_sales.rules.tables import table

_ORDERS = compiled(table("page_orders")["orders"])


def gives_orders(text: str) -> bool:
    """Tell whether a text gives an order to a program that reads it."""
    return bool(_ORDERS.search(" ".join(re.sub(r"[\"'“”]", "", level(text)).split())))
