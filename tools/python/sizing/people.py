"""An org in which everybody has an amount and a key of their own: its state as a document.

In YAML's block style, since a collection in brackets has a bound.
"""

from collections.abc import Iterator

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
POLICY = """quotaplane_state: 1
policy:
  defaults: {on_outage: deny, time_zone: UTC}
  limits:
    - id: everybody
      per: [user]
      unit: usd
      amount: 100
      window: month
      overrides:
"""
KEYS = "quotaplane_state: 1\nkeys:\n"


def person(number: int) -> str:
    return f"person-{number:06}@example.com"


def key_id(number: int) -> str:
    """16 letters of base 32."""
    return "".join(ALPHABET[number >> 5 * (15 - i) & 31] for i in range(16))


def overrides(count: int) -> Iterator[str]:
    yield POLICY
    for i in range(count):
        yield f'        - {{user: "{person(i)}", amount: {1000 + i}}}\n'


def keys(count: int) -> Iterator[str]:
    yield KEYS
    for i in range(count):
        yield f'  - {{id: {key_id(i)}, user: "{person(i)}", hash: "blake2b:{i:064x}"}}\n'
