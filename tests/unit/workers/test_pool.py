"""When a child of several slots counts as busy."""

from agentic_sales.workers.parent.pool import Places


def test_a_child_is_busy_while_all_its_slots_are_taken_and_no_sooner() -> None:
    places = Places(2)
    places.add(7)
    assert 7 not in places
    places.add(7)
    assert 7 in places
    assert len(places) == 1
    places.discard(7)
    assert 7 not in places


def test_a_child_that_retires_stays_busy_until_it_is_gone() -> None:
    places = Places(2)
    places.close(7)
    places.discard(7)
    assert 7 in places
    places.forget(7)
    assert 7 not in places


def test_the_next_owner_of_a_descriptor_begins_with_all_its_slots_free() -> None:
    places = Places(1)
    places.add(7)
    places.forget(7)
    assert (places.taken(7), 7 in places) == (0, False)


def test_after_a_lost_connection_only_what_is_executed_counts() -> None:
    places = Places(2)
    for fd in (7, 7, 8, 8):
        places.add(fd)
    places.recount([7, 7, 8])
    assert (places.taken(7), places.taken(8), set(places)) == (2, 1, {7})
